// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The attributes of /sys/class/mock-accel/<device>. They go before the device does, so each finds its
 * pci_dev there.
 */
#include <linux/sysfs.h>

#include "mock_accel.h"
#include "mock_accel_uapi.h"

static struct mock_accel *to_accel(struct device *dev)
{
	return container_of(dev, struct mock_accel, dev);
}

static ssize_t uuid_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%pUb\n", &to_accel(dev)->uuid);
}
static DEVICE_ATTR_RO(uuid);

static ssize_t memory_size_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%llu\n", to_accel(dev)->memory_size);
}
static DEVICE_ATTR_RO(memory_size);

static ssize_t numa_node_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%d\n", dev_to_node(&to_accel(dev)->pdev->dev));
}
static DEVICE_ATTR_RO(numa_node);

static ssize_t capabilities_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "0x%08x\n", to_accel(dev)->capabilities);
}
static DEVICE_ATTR_RO(capabilities);

static ssize_t status_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	u32 status;
	int error = mock_accel_read_status(to_accel(dev), &status);

	return error ? error : sysfs_emit(buf, "%u\n", status & MOCK_ACCEL_STATUS_ALLOCATED);
}

static ssize_t status_store(struct device *dev, struct device_attribute *attr, const char *buf,
			    size_t count)
{
	u32 status;
	int error = kstrtou32(buf, 0, &status);

	if (error)
		return error;
	if (status > MOCK_ACCEL_STATUS_ALLOCATED)
		return -EINVAL;
	error = mock_accel_write_status(to_accel(dev), status);
	return error ? error : count;
}
static DEVICE_ATTR_RW(status);

static ssize_t errors_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	u32 status;
	int error = mock_accel_read_status(to_accel(dev), &status);

	return error ? error : sysfs_emit(buf, "0x%02x\n", mock_accel_status_errors(status));
}
static DEVICE_ATTR_RO(errors);

static struct attribute *mock_accel_attrs[] = {
	&dev_attr_uuid.attr,
	&dev_attr_memory_size.attr,
	&dev_attr_numa_node.attr,
	&dev_attr_capabilities.attr,
	&dev_attr_status.attr,
	&dev_attr_errors.attr,
	NULL,
};

static const struct attribute_group mock_accel_group = {
	.attrs = mock_accel_attrs,
};

const struct attribute_group *mock_accel_groups[] = {
	&mock_accel_group,
	NULL,
};

/* The numbers of VFs are the PCI core's own files, shown here a second time. */
static const char *const linked[] = { "sriov_totalvfs", "sriov_numvfs" };

/* Not those of the device alone: a kernel may have been built without SR-IOV. */
static bool has_vf_files(struct mock_accel *accel)
{
	return pci_sriov_get_totalvfs(accel->pdev) > 0;
}

int mock_accel_sysfs_link(struct mock_accel *accel)
{
	if (!has_vf_files(accel))
		return 0;
	for (u32 i = 0; i < ARRAY_SIZE(linked); i++) {
		int error = compat_only_sysfs_link_entry_to_kobj(
			&accel->dev.kobj, &accel->pdev->dev.kobj, linked[i], NULL);

		if (error)
			return error;
	}
	return 0;
}

void mock_accel_sysfs_unlink(struct mock_accel *accel)
{
	if (!has_vf_files(accel))
		return;
	for (u32 i = 0; i < ARRAY_SIZE(linked); i++)
		sysfs_remove_link(&accel->dev.kobj, linked[i]);
}

const char *mock_accel_status_name(u32 status)
{
	return status & MOCK_ACCEL_STATUS_ALLOCATED ? "allocated" : "free";
}

u32 mock_accel_status_errors(u32 status)
{
	return (status & MOCK_ACCEL_STATUS_ERRORS) >> MOCK_ACCEL_STATUS_ERRORS_SHIFT;
}
