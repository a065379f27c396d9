/* Named by bcc's helpers.h, which only wants the size of a page. */
#ifndef TAPIO_ASM_PAGE_H
#define TAPIO_ASM_PAGE_H
#define PAGE_SIZE 4096
#endif
