/* The version is only stored in the object file; kernels since 5.0 do not check it. */
#ifndef TAPIO_LINUX_VERSION_H
#define TAPIO_LINUX_VERSION_H
#define KERNEL_VERSION(a, b, c) (((a) << 16) + ((b) << 8) + ((c) > 255 ? 255 : (c)))
#define LINUX_VERSION_CODE KERNEL_VERSION(5, 8, 0) /* the oldest kernel with everything that Tapio uses */
#endif
