/* Named by bcc's helpers.h. bcc has already included its own copy of the BPF interface by then. */
