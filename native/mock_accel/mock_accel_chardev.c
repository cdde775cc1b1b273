// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * /dev/mockN and /dev/mockN_vfM: read() gives a text about the device, ioctls its status and passphrases.
 */
#include <linux/compat.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "mock_accel.h"
#include "mock_accel_uapi.h"

/* Hold the device; -ENODEV once its function is gone, although the file is still open. */
static int begin(struct mock_accel *accel)
{
	down_read(&accel->lock);
	if (accel->pdev)
		return 0;
	up_read(&accel->lock);
	return -ENODEV;
}

static void end(struct mock_accel *accel)
{
	up_read(&accel->lock);
}

/* The file's inode holds the cdev, and that the device, until the file is closed. */
static int mock_accel_open(struct inode *inode, struct file *file)
{
	struct mock_accel *accel = container_of(inode->i_cdev, struct mock_accel, cdev);
	int error = begin(accel);

	if (error)
		return error;
	file->private_data = accel;
	end(accel);
	return 0;
}

static int describe(struct mock_accel *accel, char *text, size_t size)
{
	struct pci_dev *pdev = accel->pdev;
	u32 status;
	int error = mock_accel_read_status(accel, &status);

	if (error)
		return error;
	return scnprintf(text, size,
			 "device: %s\n"
			 "pci_address: %s\n"
			 "uuid: %pUb\n"
			 "memory_size: %llu\n"
			 "numa_node: %d\n"
			 "capabilities: 0x%08x\n"
			 "status: %s\n"
			 "errors: 0x%02x\n",
			 dev_name(&accel->dev), pci_name(pdev), &accel->uuid, accel->memory_size,
			 dev_to_node(&pdev->dev), accel->capabilities,
			 mock_accel_status_name(status), mock_accel_status_errors(status));
}

static ssize_t mock_accel_read(struct file *file, char __user *buf, size_t count, loff_t *offset)
{
	struct mock_accel *accel = file->private_data;
	char text[320];
	int length = begin(accel);

	if (length)
		return length;
	length = describe(accel, text, sizeof(text));
	end(accel);
	return length < 0 ? length : simple_read_from_buffer(buf, count, offset, text, length);
}

static long get_status(struct mock_accel *accel, u32 __user *argument)
{
	u32 status;
	int error = mock_accel_read_status(accel, &status);

	return error ? error : put_user(status, argument);
}

static long get_passphrase(struct mock_accel *accel, struct mock_accel_passphrase __user *argument)
{
	struct mock_accel_passphrase *passphrase;
	u8 word_count;
	long error;

	if (get_user(word_count, &argument->word_count))
		return -EFAULT;
	if (word_count < 1 || word_count > MOCK_ACCEL_MAX_WORDS)
		return -EINVAL;
	/* Zeroed: all of it is copied out. */
	passphrase = kzalloc(sizeof(*passphrase), GFP_KERNEL);
	if (!passphrase)
		return -ENOMEM;
	passphrase->word_count = word_count;
	error = mock_accel_passphrase(&accel->pdev->dev, word_count, passphrase->passphrase);
	if (!error && copy_to_user(argument, passphrase, sizeof(*passphrase)))
		error = -EFAULT;
	kfree_sensitive(passphrase);
	return error;
}

static long mock_accel_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	struct mock_accel *accel = file->private_data;
	long result = begin(accel);

	if (result)
		return result;
	switch (command) {
	case MOCK_ACCEL_IOC_STATUS:
		result = get_status(accel, (void __user *)argument);
		break;
	case MOCK_ACCEL_IOC_PASSPHRASE:
		result = get_passphrase(accel, (void __user *)argument);
		break;
	default:
		result = -ENOTTY;
	}
	end(accel);
	return result;
}

const struct file_operations mock_accel_fops = {
	.owner = THIS_MODULE,
	.open = mock_accel_open,
	.read = mock_accel_read,
	.llseek = default_llseek,
	.unlocked_ioctl = mock_accel_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};
