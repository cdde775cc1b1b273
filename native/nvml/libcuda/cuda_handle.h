/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Handles of what a program makes: contexts, streams, events. A handle is a number
 * in the guise of a pointer, recognised without being followed, and none is given
 * out twice. Callers hold cuda_lock().
 */
#ifndef MIRAGE_CUDA_HANDLE_H
#define MIRAGE_CUDA_HANDLE_H

enum cuda_handle_kind {
	CUDA_HANDLE_NONE = 0,
	CUDA_HANDLE_CONTEXT,
	CUDA_HANDLE_STREAM,
	CUDA_HANDLE_EVENT,
};

/* NULL when the memory does not suffice. @owner: whom the object goes with. */
void *cuda_handle_new(enum cuda_handle_kind kind, void *object, const void *owner);

/* NULL unless @handle is a living one of this kind. */
void *cuda_handle_find(enum cuda_handle_kind kind, const void *handle);

/* The object is the caller's to free; NULL as above. */
void *cuda_handle_end(enum cuda_handle_kind kind, const void *handle);

/* Ends every handle of @owner and frees their objects. */
void cuda_handle_end_all(const void *owner);

#endif
