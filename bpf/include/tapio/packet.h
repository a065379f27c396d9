/* Packets as programs of type cgroup_skb see them: from the IP header on. */
#ifndef TAPIO_PACKET_H
#define TAPIO_PACKET_H

#include <linux/types.h>

#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define IPV4_HEADER_BYTES 20
#define IPV6_HEADER_BYTES 40
#define TCP_HEADER_BYTES 20
#define UDP_HEADER_BYTES 8
#define PASS 1 /* what these programs return: 0 would drop the packet */

struct transport {
    u32 protocol; /* IPPROTO_TCP, ...; 0: the packet is too short */
    u32 at;       /* where its header begins */
};

/* IPv6 extension headers are not followed: the protocol is then that of the first one. */
static inline struct transport find_transport(const u8 *packet, const u8 *end)
{
    struct transport transport = {};
    if (packet + IPV6_HEADER_BYTES > end)
        return transport;
    if (packet[0] >> 4 == 4) {
        transport.protocol = packet[9];
        transport.at = (packet[0] & 0xf) * 4;
    } else {
        transport.protocol = packet[6];
        transport.at = IPV6_HEADER_BYTES;
    }
    return transport;
}

#endif
