# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring the functions of the module mock_accel that are made at run time to what a file describes.

Each change is one line on standard output when it is done, so that no output means that all was as it should be. What
stands in the way is one line each on standard error, and the exit status is 1. What can be known beforehand is said
before anything is changed. Where the kernel refuses midway, what had to be unplugged is plugged in again as it was, as
far as that goes; standard error says so, and what was done before.

Only functions that this command has made are changed or removed: they are on a record, to which each is added just
before it is made, and which lies where it does not outlive the kernel that knows the functions.

This is a package of its own, for hosts that have Python and nothing else: it imports the standard library and itself,
and that one way: __main__ -> execution, vfs -> change, progress -> description, record, kernel -> attributes, errors,
sightings -> openers, use. The last two are links to files of the modules, so that both see and judge the same.
"""
