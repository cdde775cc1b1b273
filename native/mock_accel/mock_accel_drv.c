// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Loading and unloading: parameters into a description, the description into functions, and back.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/wait_bit.h>

#include "mock_accel.h"

static struct mock_accel_config config = MOCK_ACCEL_CONFIG_DEFAULT;

/* One for the module itself, which is taken away when it waits for the others. */
static atomic_t live = ATOMIC_INIT(1);

void mock_accel_live_get(void)
{
	atomic_inc(&live);
}

void mock_accel_live_put(void)
{
	if (atomic_dec_and_test(&live))
		wake_up_var(&live);
}

static void wait_for_releases(void)
{
	mock_accel_live_put();
	wait_var_event(&live, atomic_read(&live) == 0);
	/* Whoever released the last one may still be on its way out of the module's code, and may have been preempted there. */
	synchronize_rcu_tasks();
}

/* --- parameters: all go through the description's own parser --- */

static int set_param(const char *value, const struct kernel_param *kp)
{
	return mock_accel_config_set(&config, kp->arg, value);
}

static int get_param(char *buffer, const struct kernel_param *kp)
{
	int length = mock_accel_config_get(&config, kp->arg, buffer, PAGE_SIZE - 1);

	if (length < 0)
		return length;
	buffer[length] = '\n';
	return length + 1;
}

static const struct kernel_param_ops param_ops = {
	.set = set_param,
	.get = get_param,
};

#define MOCK_ACCEL_PARAM(name, description)               \
	module_param_cb(name, &param_ops, (#name), 0444); \
	MODULE_PARM_DESC(name, description)

MOCK_ACCEL_PARAM(num_pfs, "number of physical functions (0 to 512, default 1)");
MOCK_ACCEL_PARAM(total_vfs, "virtual functions that each can have (0 to 7, default 4)");
MOCK_ACCEL_PARAM(num_vfs, "virtual functions that each has after loading (default 0)");
MOCK_ACCEL_PARAM(num_roots, "PCI root buses that they are spread over (1 to 16, default 1)");
MOCK_ACCEL_PARAM(numa_nodes,
		 "NUMA nodes of the root buses in turn, as 0,1 (default: all that are online)");
MOCK_ACCEL_PARAM(first_domain, "PCI domain of the first root bus (default 0x1000)");
MOCK_ACCEL_PARAM(pf_memory, "memory size of a physical function (default 16G)");
MOCK_ACCEL_PARAM(vf_memory, "memory size of a virtual function (default 2G)");
MOCK_ACCEL_PARAM(link_speed, "PCI Express generation of the links (1 to 6, default 4)");
MOCK_ACCEL_PARAM(link_width, "lanes of the links (1 to 32, default 16)");
MOCK_ACCEL_PARAM(uuid_seed, "text that the UUIDs follow from (default: random at each load)");

/* --- loading --- */

static int check_nodes(void)
{
	for (u32 i = 0; i < config.node_count; i++) {
		u32 node = config.numa_nodes[i];

		if (!mock_accel_bus_has_node(node)) {
			pr_err("numa_nodes names node %u, which this machine does not have\n",
			       node);
			return -EINVAL;
		}
	}
	return 0;
}

static void choose_seed(void)
{
	u8 bytes[16];

	if (config.uuid_seed[0])
		return;
	get_random_bytes(bytes, sizeof(bytes));
	snprintf(config.uuid_seed, sizeof(config.uuid_seed), "%*phN", (int)sizeof(bytes), bytes);
}

static int __init mock_accel_init(void)
{
	char reason[MOCK_ACCEL_REASON];
	int error;

	error = mock_accel_config_validate(&config, reason, sizeof(reason));
	if (error) {
		pr_err("%s\n", reason);
		return error;
	}
	error = check_nodes();
	if (error)
		return error;
	choose_seed();

	error = mock_accel_bus_register();
	if (error)
		return error;
	error = mock_accel_devices_register();
	if (error)
		goto out_unregister_bus;
	error = mock_accel_functions_add(&config);
	if (!error && config.num_vfs)
		error = mock_accel_functions_set_vfs(config.num_vfs);
	if (!error)
		error = mock_accel_functions_register();
	if (error)
		goto out_remove_functions;
	return 0;

out_remove_functions:
	mock_accel_functions_set_vfs(0);
	mock_accel_devices_unbind();
	mock_accel_functions_remove();
	wait_for_releases();
	mock_accel_devices_unregister();
	mock_accel_passphrase_exit();
out_unregister_bus:
	mock_accel_bus_unregister();
	return error;
}

/*
 * VFs go while their physical functions are bound, and the drivers before the buses: whoever writes
 * sriov_numvfs holds a device's lock and waits for that of rescanning, and removing a bus takes both the
 * other way round. Unbound devices refuse such a write at once.
 */
static void __exit mock_accel_exit(void)
{
	mock_accel_functions_unregister();
	mock_accel_functions_set_vfs(0);
	mock_accel_devices_unbind();
	mock_accel_functions_remove();
	wait_for_releases();
	mock_accel_devices_unregister();
	mock_accel_bus_unregister();
	mock_accel_passphrase_exit();
}

module_init(mock_accel_init);
module_exit(mock_accel_exit);
MODULE_DESCRIPTION(
	"Accelerators that are not there, as PCI functions on root buses made in software");
MODULE_AUTHOR("mirage.accel contributors");
MODULE_FIRMWARE(MOCK_ACCEL_WORDLIST_FILE);
/* To the kernel this word means version 2 or any later one. */
MODULE_LICENSE("GPL");
