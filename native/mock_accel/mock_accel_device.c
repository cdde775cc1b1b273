// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The driver of physical and virtual functions: a device of class mock-accel for each that it is bound to.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/slab.h>
#include <linux/version.h>

#include "mock_accel.h"
#include "mock_accel_uapi.h"

/* Minors of a physical function and its VFs follow each other, as their function numbers do. */
#define MINORS (MOCK_ACCEL_MAX_PFS * MOCK_ACCEL_SLOT_FUNCTIONS)

static dev_t first_number;
static struct class *mock_accel_class;

/* --- registers --- */

/* A function that does not answer reads as all ones, which no register is. */
static int read_register(struct mock_accel *accel, u32 offset, u32 *value)
{
	int error = pci_read_config_dword(accel->pdev, accel->registers + offset, value);

	return error || *value == ~0u ? -EIO : 0;
}

int mock_accel_read_status(struct mock_accel *accel, u32 *status)
{
	return read_register(accel, MOCK_ACCEL_REG_STATUS, status);
}

int mock_accel_write_status(struct mock_accel *accel, u32 status)
{
	int error = pci_write_config_dword(accel->pdev, accel->registers + MOCK_ACCEL_REG_STATUS,
					   status);

	return error ? -EIO : 0;
}

/* Read what never changes; a UUID or a size may hold words of all ones, so only the last is judged. */
static int read_identity(struct mock_accel *accel)
{
	struct pci_dev *pdev = accel->pdev;
	u32 low, high;
	u16 dvsec;

	dvsec = pci_find_dvsec_capability(pdev, MOCK_ACCEL_VENDOR_ID, MOCK_ACCEL_DVSEC_ID);
	if (!dvsec)
		return -ENODEV;
	accel->registers = dvsec + MOCK_ACCEL_DVSEC_REGISTERS;
	for (u32 i = 0; i < UUID_SIZE; i++)
		pci_read_config_byte(pdev, accel->registers + MOCK_ACCEL_REG_UUID + i,
				     &accel->uuid.b[i]);
	pci_read_config_dword(pdev, accel->registers + MOCK_ACCEL_REG_MEMORY_SIZE, &low);
	pci_read_config_dword(pdev, accel->registers + MOCK_ACCEL_REG_MEMORY_SIZE + 4, &high);
	accel->memory_size = (u64)high << 32 | low;
	return read_register(accel, MOCK_ACCEL_REG_CAPABILITIES, &accel->capabilities);
}

/* --- devices --- */

static void release_device(struct device *dev)
{
	struct mock_accel *accel = container_of(dev, struct mock_accel, dev);

	kfree(accel);
	mock_accel_live_put();
}

static int name_device(struct mock_accel *accel, int number)
{
	struct pci_dev *pdev = accel->pdev;
	int vf;

	if (!pdev->is_virtfn) {
		accel->dev.devt = first_number + number * MOCK_ACCEL_SLOT_FUNCTIONS;
		return dev_set_name(&accel->dev, "mock%d", number);
	}
	vf = pci_iov_vf_id(pdev);
	if (vf < 0)
		return vf;
	accel->dev.devt = first_number + number * MOCK_ACCEL_SLOT_FUNCTIONS + 1 + vf;
	return dev_set_name(&accel->dev, "mock%d_vf%d", number, vf);
}

/* Who hears of the device must find all its files, so the event waits for the links. */
static int add_device(struct mock_accel *accel)
{
	int error;

	cdev_init(&accel->cdev, &mock_accel_fops);
	accel->cdev.owner = THIS_MODULE;
	dev_set_uevent_suppress(&accel->dev, true);
	error = cdev_device_add(&accel->cdev, &accel->dev);
	if (error)
		return error;
	error = mock_accel_sysfs_link(accel);
	if (error) {
		cdev_device_del(&accel->cdev, &accel->dev);
		return error;
	}
	dev_set_uevent_suppress(&accel->dev, false);
	kobject_uevent(&accel->dev.kobj, KOBJ_ADD);
	return 0;
}

static int probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	int number = mock_accel_bus_number(pdev);
	struct mock_accel *accel;
	int error;

	if (number < 0 || mock_accel_bus_is_going(pdev))
		return -ENODEV;
	error = pcim_enable_device(pdev);
	if (error)
		return error;
	/* A function that is one on the bus only: it is kept from other drivers, and that is all. */
	if (!mock_accel_bus_has_registers(pdev))
		return 0;

	accel = kzalloc(sizeof(*accel), GFP_KERNEL);
	if (!accel)
		return -ENOMEM;
	accel->pdev = pdev;
	init_rwsem(&accel->lock);
	device_initialize(&accel->dev);
	accel->dev.class = mock_accel_class;
	accel->dev.parent = &pdev->dev;
	accel->dev.groups = mock_accel_groups;
	accel->dev.release = release_device;
	mock_accel_live_get();

	error = read_identity(accel);
	if (!error)
		error = name_device(accel, number);
	if (!error)
		error = add_device(accel);
	if (error) {
		put_device(&accel->dev);
		return error;
	}
	pci_set_drvdata(pdev, accel);
	return 0;
}

static void remove(struct pci_dev *pdev)
{
	struct mock_accel *accel = pci_get_drvdata(pdev);

	/* An unbound physical function leaves no VFs behind; without any this does nothing. */
	pci_disable_sriov(pdev);
	if (!accel)
		return;
	mock_accel_sysfs_unlink(accel);
	cdev_device_del(&accel->cdev, &accel->dev);
	down_write(&accel->lock);
	accel->pdev = NULL;
	up_write(&accel->lock);
	put_device(&accel->dev);
}

static int configure_vfs(struct pci_dev *pdev, int number)
{
	if (number && mock_accel_bus_is_going(pdev))
		return -ENODEV;
	return pci_sriov_configure_simple(pdev, number);
}

static const struct pci_device_id ids[] = {
	{ PCI_DEVICE(MOCK_ACCEL_VENDOR_ID, MOCK_ACCEL_PF_DEVICE_ID) },
	{ PCI_DEVICE(MOCK_ACCEL_VENDOR_ID, MOCK_ACCEL_VF_DEVICE_ID) },
	{}
};
MODULE_DEVICE_TABLE(pci, ids);

static struct pci_driver mock_accel_pci_driver = {
	.name = MOCK_ACCEL_NAME,
	.id_table = ids,
	.probe = probe,
	.remove = remove,
	.sriov_configure = configure_vfs,
};

int mock_accel_device_set_vfs(struct pci_dev *pdev, int number)
{
	int error = 0;

	/*
	 * Not the lock of rescanning: whoever removes the function holds that one and waits for the device's, and some
	 * stable kernels of late 2025 take it for each VF, where it must not be held. This is how an unbound driver goes.
	 */
	device_lock(&pdev->dev);
	if (!number)
		pci_disable_sriov(pdev);
	else if (pdev->dev.driver == &mock_accel_pci_driver.driver)
		error = pci_enable_sriov(pdev, number);
	else
		error = -ENODEV;
	device_unlock(&pdev->dev);
	return error;
}

/* --- the class, the numbers and the driver --- */

int mock_accel_devices_register(void)
{
	int error = alloc_chrdev_region(&first_number, 0, MINORS, MOCK_ACCEL_NAME);

	if (error)
		return error;
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
	mock_accel_class = class_create(THIS_MODULE, MOCK_ACCEL_NAME);
#else
	mock_accel_class = class_create(MOCK_ACCEL_NAME);
#endif
	if (IS_ERR(mock_accel_class)) {
		error = PTR_ERR(mock_accel_class);
		goto out_unregister_region;
	}
	error = pci_register_driver(&mock_accel_pci_driver);
	if (error)
		goto out_destroy_class;
	return 0;

out_destroy_class:
	class_destroy(mock_accel_class);
out_unregister_region:
	unregister_chrdev_region(first_number, MINORS);
	return error;
}

void mock_accel_devices_unbind(void)
{
	pci_unregister_driver(&mock_accel_pci_driver);
}

void mock_accel_devices_unregister(void)
{
	class_destroy(mock_accel_class);
	unregister_chrdev_region(first_number, MINORS);
}
