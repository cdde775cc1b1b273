/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table behind nvmlInternalGetExportTable, which nvidia-smi insists on. */
#ifndef MIRAGE_EXPORT_TABLE_H
#define MIRAGE_EXPORT_TABLE_H

/* The table of that 16-byte id, or NULL. Good before nvmlInit too. */
const void *export_table_find(const void *id);

#endif
