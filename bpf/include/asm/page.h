/* Named by bcc's helpers.h. bcc computes the size of a ring as pages times this, so it is a unit, not the kernel's
 * page: recorder/ebpf/kernel_source.py divides by it. */
#ifndef TAPIO_ASM_PAGE_H
#define TAPIO_ASM_PAGE_H
#define PAGE_SIZE 4096
#endif
