/* Named by bcc's copy of linux/bpf.h, which takes the classic BPF opcodes from here; our programs use none of them.
 * */
