/* Included by bcc before everything else. Why so short: our programs depend on no kernel option; what they read from
 * kernel structs comes as offsets from the running kernel's BTF. */
#ifndef TAPIO_LINUX_KCONFIG_H
#define TAPIO_LINUX_KCONFIG_H
#define CONFIG_BPF_SYSCALL 1 /* bcc's helpers.h refuses to compile without it */
#endif
