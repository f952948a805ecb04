/*
 * Copyright (c) 2026 The lifeboat.oom maintainers
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Loaded before a User-mode Linux kernel. These kernels know extended processor states of up to 2,696 bytes. On a
 * processor with AMX the host takes back nothing but all of its 11,008 bytes (xstateregs_set() in the host's
 * arch/x86/kernel/fpu/regset.c), and the guest's init dies at its first step. So fill up what they write; they have
 * one thread, and a stack too small for the room. Stands on no header and no library, as each kernel has its own.
 */
enum { PTRACE_PEEKUSER = 3, PTRACE_GETREGSET = 0x4204, PTRACE_SETREGSET = 0x4205, NT_X86_XSTATE = 0x202 };

struct iovec {
	char *base;
	unsigned long length;
};

int *__errno_location(void);

static long call(long request, long pid, long address, void *data)
{
	long result;
	register void *fourth __asm__("r10") = data;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "0"(101L), "D"(request), "S"(pid), "d"(address), "r"(fourth)
			 : "rcx", "r11", "memory");
	return result;
}

/* All that the host has for this process, with what the kernel wants to be there at its begin. */
static struct iovec filled_up(long pid, const struct iovec *given)
{
	static char room[1 << 16];
	struct iovec whole = {room, sizeof(room)};
	unsigned long index;

	if (call(PTRACE_GETREGSET, pid, NT_X86_XSTATE, &whole) < 0 || whole.length <= given->length)
		return *given;
	for (index = 0; index < given->length; index++)
		room[index] = given->base[index];
	return whole;
}

long ptrace(long request, long pid, long address, void *data)
{
	struct iovec whole;
	long word, result;

	if (request == PTRACE_SETREGSET && address == NT_X86_XSTATE) {
		whole = filled_up(pid, data);
		data = &whole;
	} else if (request > 0 && request <= PTRACE_PEEKUSER) {
		data = &word;
	}
	result = call((int)request, (int)pid, address, data);
	if (result < 0) {
		*__errno_location() = (int)-result;
		return -1;
	}
	return data == &word ? word : result;
}
