// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A physical function as the module keeps it: its description, whether it is plugged in, and the faults
 * that it has while it is.
 */
#include <linux/bitmap.h>
#include <linux/kobject.h>
#include <linux/mutex.h>

#include "mock_accel.h"

/* Whoever changes, plugs or unplugs a function is the only one who does. */
static DEFINE_MUTEX(lock);
static DECLARE_BITMAP(numbers, MOCK_ACCEL_MAX_PFS);

/* --- names and numbers --- */

/* A name of the form mockN asks for this number, any other has no wish. */
static bool wishes_number(const char *name, u32 *number)
{
	char canonical[16];

	if (sscanf(name, "mock%u", number) != 1)
		return false;
	snprintf(canonical, sizeof(canonical), "mock%u", *number);
	return strcmp(canonical, name) == 0;
}

static int take_number(const char *name)
{
	u32 number;

	if (!wishes_number(name, &number)) {
		number = find_first_zero_bit(numbers, MOCK_ACCEL_MAX_PFS);
		if (number == MOCK_ACCEL_MAX_PFS)
			return -ENOSPC;
	}
	if (number >= MOCK_ACCEL_MAX_PFS)
		return -EINVAL;
	return test_and_set_bit(number, numbers) ? -EEXIST : (int)number;
}

int mock_accel_function_init(struct mock_accel_function *function, const char *name,
			     const struct mock_accel_config *config)
{
	int number = take_number(name);

	if (number < 0)
		return number;
	mock_accel_config_pf(config, number, &function->pf);
	return 0;
}

void mock_accel_function_exit(struct mock_accel_function *function)
{
	mock_accel_function_unplug(function);
	clear_bit(function->pf.number, numbers);
}

/* --- the description --- */

int mock_accel_function_get(struct mock_accel_function *function, const char *name, char *text,
			    size_t size)
{
	int length;

	mutex_lock(&lock);
	length = mock_accel_pf_get(&function->pf, name, text, size);
	mutex_unlock(&lock);
	return length;
}

/*
 * The description's own parser knows nothing of this machine. A node can still go before the function is
 * plugged in, so that is asked once more then; whoever sets something else is not refused for it.
 */
static int set_on_this_machine(struct mock_accel_pf *pf, const char *name, const char *value,
			       char *reason, size_t size)
{
	struct mock_accel_pf wanted = *pf;
	int error = mock_accel_pf_set(&wanted, name, value, reason, size);

	if (error)
		return error;
	if (strcmp(name, "numa_node") == 0 && wanted.numa_node != MOCK_ACCEL_ANY &&
	    !mock_accel_bus_has_node(wanted.numa_node)) {
		snprintf(reason, size, "numa_node names node %d, which this machine does not have",
			 wanted.numa_node);
		return -EINVAL;
	}
	*pf = wanted;
	return 0;
}

int mock_accel_function_set(struct mock_accel_function *function, const char *name,
			    const char *value, char *reason, size_t size)
{
	int error;

	mutex_lock(&lock);
	if (function->slot) {
		error = -EBUSY;
		snprintf(reason, size, "%s can be set while enable is 0 only", name);
	} else {
		error = set_on_this_machine(&function->pf, name, value, reason, size);
	}
	mutex_unlock(&lock);
	return error;
}

/* --- plugging --- */

int mock_accel_function_plug(struct mock_accel_function *function, char *reason, size_t size)
{
	struct mock_accel_slot *slot;
	int error = 0;

	mutex_lock(&lock);
	if (!function->slot) {
		slot = mock_accel_bus_plug(&function->pf, reason, size);
		if (IS_ERR(slot))
			error = PTR_ERR(slot);
		else
			function->slot = slot;
	}
	mutex_unlock(&lock);
	return error;
}

static void unplug(struct mock_accel_function *function)
{
	if (function->slot)
		mock_accel_bus_unplug(function->slot);
	function->slot = NULL;
	function->hang = false;
	function->link_down = false;
	function->errors = 0;
}

void mock_accel_function_unplug(struct mock_accel_function *function)
{
	mutex_lock(&lock);
	unplug(function);
	mutex_unlock(&lock);
}

int mock_accel_function_set_vfs(struct mock_accel_function *function, int number)
{
	struct pci_dev *pdev = NULL;
	int error = 0;

	mutex_lock(&lock);
	if (function->slot)
		pdev = mock_accel_bus_pf(function->slot);
	if (pdev) {
		error = mock_accel_device_set_vfs(pdev, number);
		pci_dev_put(pdev);
	}
	mutex_unlock(&lock);
	return error;
}

void mock_accel_function_address(struct mock_accel_function *function, char *text, size_t size)
{
	text[0] = 0;
	mutex_lock(&lock);
	if (function->slot)
		mock_accel_bus_address(function->slot, text, size);
	mutex_unlock(&lock);
}

/* --- faults --- */

/* Hold a function that is plugged in; -ENODEV where it is not. */
static int begin_fault(struct mock_accel_function *function)
{
	mutex_lock(&lock);
	if (function->slot)
		return 0;
	mutex_unlock(&lock);
	return -ENODEV;
}

static int end_fault(void)
{
	mutex_unlock(&lock);
	return 0;
}

/* Tell whoever listens to the PCI function; where somebody has removed it, nobody does. */
static void announce(struct mock_accel_function *function, const char *name, const char *value)
{
	struct pci_dev *pdev = mock_accel_bus_pf(function->slot);
	char variable[48];
	char *variables[] = { variable, NULL };

	if (!pdev)
		return;
	snprintf(variable, sizeof(variable), "%s=%s", name, value);
	kobject_uevent_env(&pdev->dev.kobj, KOBJ_CHANGE, variables);
	pci_dev_put(pdev);
}

int mock_accel_function_set_hang(struct mock_accel_function *function, bool hang)
{
	int error = begin_fault(function);

	if (error)
		return error;
	function->hang = hang;
	mock_accel_bus_set_hang(function->slot, hang);
	return end_fault();
}

int mock_accel_function_set_link(struct mock_accel_function *function, bool up)
{
	int error = begin_fault(function);

	if (error)
		return error;
	if (function->link_down == up) {
		function->link_down = !up;
		mock_accel_bus_set_link(function->slot, up);
		announce(function, "MOCK_ACCEL_LINK", up ? "up" : "down");
	}
	return end_fault();
}

/* A device raises an interrupt for errors; one that hangs or has lost its link says nothing, nor is anybody told. */
int mock_accel_function_set_errors(struct mock_accel_function *function, u8 errors)
{
	char text[8];
	int error = begin_fault(function);

	if (error)
		return error;
	if (!function->pf.registers) {
		mutex_unlock(&lock);
		return -EOPNOTSUPP;
	}
	if (function->errors != errors) {
		function->errors = errors;
		mock_accel_bus_set_errors(function->slot, errors);
		snprintf(text, sizeof(text), "0x%02x", errors);
		if (!function->hang && !function->link_down)
			announce(function, "MOCK_ACCEL_ERRORS", text);
	}
	return end_fault();
}

int mock_accel_function_inject(struct mock_accel_function *function,
			       enum mock_accel_severity severity, const char *name)
{
	int error = begin_fault(function);

	if (error)
		return error;
	mock_accel_bus_log_error(function->slot, severity);
	announce(function, "MOCK_ACCEL_ERROR", name);
	return end_fault();
}

int mock_accel_function_surprise(struct mock_accel_function *function)
{
	int error = begin_fault(function);

	if (error)
		return error;
	mock_accel_bus_set_link(function->slot, false);
	unplug(function);
	return end_fault();
}
