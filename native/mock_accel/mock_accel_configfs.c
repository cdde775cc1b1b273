// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * /sys/kernel/config/mock-accel: a folder for each physical function. Those of the module's parameters are
 * there from the start, others are made with mkdir.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/configfs.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "mock_accel.h"

struct folder {
	struct config_group group;
	struct mock_accel_function function;
};

/* What functions made with mkdir are like. */
static const struct mock_accel_config *defaults;

static struct configfs_subsystem subsystem;

static struct folder *to_folder(struct config_item *item)
{
	return container_of(to_config_group(item), struct folder, group);
}

static struct mock_accel_function *to_function(struct config_item *item)
{
	return &to_folder(item)->function;
}

/* Whoever is refused finds out why in the log. */
static void say(struct config_item *item, const char *reason)
{
	pr_err("%s: %s\n", config_item_name(item), reason);
}

/* --- attributes that describe it: all go through the description's own parser --- */

static ssize_t show_setting(struct config_item *item, const char *name, char *page)
{
	int length = mock_accel_function_get(to_function(item), name, page, PAGE_SIZE - 1);

	if (length < 0)
		return length;
	page[length] = '\n';
	return length + 1;
}

static ssize_t store_setting(struct config_item *item, const char *name, const char *page,
			     size_t count)
{
	char reason[MOCK_ACCEL_REASON];
	int error = mock_accel_function_set(to_function(item), name, page, reason, sizeof(reason));

	if (!error)
		return count;
	say(item, reason);
	return error;
}

#define SETTING(name)                                                                      \
	static ssize_t function_##name##_show(struct config_item *item, char *page)        \
	{                                                                                  \
		return show_setting(item, #name, page);                                    \
	}                                                                                  \
	static ssize_t function_##name##_store(struct config_item *item, const char *page, \
					       size_t count)                               \
	{                                                                                  \
		return store_setting(item, #name, page, count);                            \
	}                                                                                  \
	CONFIGFS_ATTR(function_, name)

SETTING(vendor);
SETTING(device);
SETTING(subsystem_vendor);
SETTING(subsystem_device);
SETTING(vf_device);
SETTING(class);
SETTING(revision);
SETTING(registers);
SETTING(uuid);
SETTING(root_bus);
SETTING(slot);
SETTING(numa_node);
SETTING(total_vfs);
SETTING(memory_size);
SETTING(vf_memory_size);
SETTING(link_speed);
SETTING(link_width);

/* --- whether it is there, and what it is then --- */

static ssize_t function_enable_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%d\n", READ_ONCE(to_function(item)->slot) != NULL);
}

static ssize_t function_enable_store(struct config_item *item, const char *page, size_t count)
{
	char reason[MOCK_ACCEL_REASON];
	bool enable;
	int error = kstrtobool(page, &enable);

	if (error)
		return error;
	if (!enable) {
		mock_accel_function_unplug(to_function(item));
		return count;
	}
	error = mock_accel_function_plug(to_function(item), reason, sizeof(reason));
	if (!error)
		return count;
	say(item, reason);
	return error;
}
CONFIGFS_ATTR(function_, enable);

static ssize_t function_address_show(struct config_item *item, char *page)
{
	char address[16];

	mock_accel_function_address(to_function(item), address, sizeof(address));
	return sysfs_emit(page, "%s\n", address);
}
CONFIGFS_ATTR_RO(function_, address);

static ssize_t function_device_name_show(struct config_item *item, char *page)
{
	struct mock_accel_pf *pf = &to_function(item)->pf;

	if (!READ_ONCE(pf->registers))
		return sysfs_emit(page, "\n");
	return sysfs_emit(page, "mock%u\n", pf->number);
}
CONFIGFS_ATTR_RO(function_, device_name);

/* --- faults --- */

static ssize_t function_hang_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%d\n", READ_ONCE(to_function(item)->hang));
}

static ssize_t function_hang_store(struct config_item *item, const char *page, size_t count)
{
	bool hang;
	int error = kstrtobool(page, &hang);

	if (!error)
		error = mock_accel_function_set_hang(to_function(item), hang);
	return error ? error : count;
}
CONFIGFS_ATTR(function_, hang);

static ssize_t function_link_show(struct config_item *item, char *page)
{
	struct mock_accel_function *function = to_function(item);
	bool up = READ_ONCE(function->slot) && !READ_ONCE(function->link_down);

	return sysfs_emit(page, "%s\n", up ? "up" : "down");
}

static ssize_t function_link_store(struct config_item *item, const char *page, size_t count)
{
	bool up = sysfs_streq(page, "up");
	int error = -EINVAL;

	if (up || sysfs_streq(page, "down"))
		error = mock_accel_function_set_link(to_function(item), up);
	return error ? error : count;
}
CONFIGFS_ATTR(function_, link);

static ssize_t function_errors_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "0x%02x\n", READ_ONCE(to_function(item)->errors));
}

static ssize_t function_errors_store(struct config_item *item, const char *page, size_t count)
{
	u8 errors;
	int error = kstrtou8(page, 0, &errors);

	if (!error)
		error = mock_accel_function_set_errors(to_function(item), errors);
	return error ? error : count;
}
CONFIGFS_ATTR(function_, errors);

static ssize_t function_inject_error_store(struct config_item *item, const char *page, size_t count)
{
	static const char *const names[] = {
		[MOCK_ACCEL_CORRECTABLE] = "correctable",
		[MOCK_ACCEL_NONFATAL] = "nonfatal",
		[MOCK_ACCEL_FATAL] = "fatal",
	};
	int severity = __sysfs_match_string(names, ARRAY_SIZE(names), page);
	int error = severity;

	if (severity >= 0)
		error = mock_accel_function_inject(to_function(item), severity, names[severity]);
	return error ? error : count;
}
CONFIGFS_ATTR_WO(function_, inject_error);

static ssize_t function_surprise_remove_store(struct config_item *item, const char *page,
					      size_t count)
{
	bool really;
	int error = kstrtobool(page, &really);

	if (!error)
		error = really ? mock_accel_function_surprise(to_function(item)) : -EINVAL;
	return error ? error : count;
}
CONFIGFS_ATTR_WO(function_, surprise_remove);

static struct configfs_attribute *function_attrs[] = {
	&function_attr_enable,
	&function_attr_address,
	&function_attr_device_name,
	&function_attr_vendor,
	&function_attr_device,
	&function_attr_subsystem_vendor,
	&function_attr_subsystem_device,
	&function_attr_vf_device,
	&function_attr_class,
	&function_attr_revision,
	&function_attr_registers,
	&function_attr_uuid,
	&function_attr_root_bus,
	&function_attr_slot,
	&function_attr_numa_node,
	&function_attr_total_vfs,
	&function_attr_memory_size,
	&function_attr_vf_memory_size,
	&function_attr_link_speed,
	&function_attr_link_width,
	&function_attr_hang,
	&function_attr_link,
	&function_attr_errors,
	&function_attr_inject_error,
	&function_attr_surprise_remove,
	NULL,
};

/* --- folders --- */

static void release_folder(struct config_item *item)
{
	mock_accel_function_exit(to_function(item));
	kfree(to_folder(item));
}

static struct configfs_item_operations folder_ops = {
	.release = release_folder,
};

static const struct config_item_type folder_type = {
	.ct_item_ops = &folder_ops,
	.ct_attrs = function_attrs,
	.ct_owner = THIS_MODULE,
};

static struct folder *create_folder(const char *name)
{
	struct folder *folder = kzalloc(sizeof(*folder), GFP_KERNEL);
	int error;

	if (!folder)
		return ERR_PTR(-ENOMEM);
	error = mock_accel_function_init(&folder->function, name, defaults);
	if (error) {
		kfree(folder);
		return ERR_PTR(error);
	}
	config_group_init_type_name(&folder->group, name, &folder_type);
	return folder;
}

static struct config_group *make_folder(struct config_group *group, const char *name)
{
	struct folder *folder = create_folder(name);

	return IS_ERR(folder) ? ERR_CAST(folder) : &folder->group;
}

/* The function goes now, although somebody may still have a file of the folder open. */
static void drop_folder(struct config_group *group, struct config_item *item)
{
	mock_accel_function_unplug(to_function(item));
	config_item_put(item);
}

static struct configfs_group_operations subsystem_ops = {
	.make_group = make_folder,
	.drop_item = drop_folder,
};

static const struct config_item_type subsystem_type = {
	.ct_group_ops = &subsystem_ops,
	.ct_owner = THIS_MODULE,
};

static struct configfs_subsystem subsystem = {
	.su_group = {
		.cg_item = {
			.ci_namebuf = MOCK_ACCEL_NAME,
			.ci_type = &subsystem_type,
		},
	},
	.su_mutex = __MUTEX_INITIALIZER(subsystem.su_mutex),
};

/* --- functions of the parameters: nobody can remove their folders --- */

int mock_accel_functions_add(const struct mock_accel_config *config)
{
	defaults = config;
	config_group_init(&subsystem.su_group);
	for (u32 number = 0; number < config->num_pfs; number++) {
		char name[16], reason[MOCK_ACCEL_REASON];
		struct folder *folder;
		int error;

		snprintf(name, sizeof(name), "mock%u", number);
		folder = create_folder(name);
		if (IS_ERR(folder))
			return PTR_ERR(folder);
		configfs_add_default_group(&folder->group, &subsystem.su_group);
		error = mock_accel_function_plug(&folder->function, reason, sizeof(reason));
		if (error) {
			say(&folder->group.cg_item, reason);
			return error;
		}
	}
	return 0;
}

int mock_accel_functions_register(void)
{
	return configfs_register_subsystem(&subsystem);
}

void mock_accel_functions_unregister(void)
{
	configfs_unregister_subsystem(&subsystem);
}

int mock_accel_functions_set_vfs(int number)
{
	struct config_group *group;
	int first_error = 0;

	list_for_each_entry(group, &subsystem.su_group.default_groups, group_entry)
	{
		int error = mock_accel_function_set_vfs(to_function(&group->cg_item), number);

		if (error && !first_error)
			first_error = error;
	}
	return first_error;
}

void mock_accel_functions_remove(void)
{
	configfs_remove_default_groups(&subsystem.su_group);
}
