/* ARP (RFC 826, 5227), neighbour discovery (RFC 4861) and hellos on a link, as weir-announce needs them. */
#include "address.h"
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/icmp6.h>
#include <netinet/if_ether.h>
#include <netinet/ip6.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* IEEE 802: for local experiments, so nobody else's. */
#define HELLO_TYPE 0x88b5
#define MOST_HELLO 512

enum { ARP_SOCKET, ND_SOCKET, HELLO_SOCKET, SOCKETS };

struct link {
  char name[IFNAMSIZ];
  unsigned index;
  unsigned char mac[ETH_ALEN];
  int sockets[SOCKETS], groups;
};

enum heard_type { HEARD_NOTHING, HEARD_QUESTION, HEARD_CLAIM, HEARD_HELLO };

struct heard {
  enum heard_type type;
  unsigned char mac[ETH_ALEN];
  /* Asked for, or claimed. */
  struct address ip;
  /* Who asks; an IPv6 address of zeros looks for duplicates. */
  struct address from;
  int length;
  unsigned char bytes[MOST_HELLO];
};

struct arp_frame {
  struct ether_header ether;
  struct ether_arp arp;
} __attribute__((packed));

struct advert_frame {
  struct ether_header ether;
  struct ip6_hdr ip;
  struct nd_neighbor_advert advert;
  struct nd_opt_hdr option;
  unsigned char mac[ETH_ALEN];
} __attribute__((packed));

struct hello_frame {
  struct ether_header ether;
  unsigned short length;
  unsigned char bytes[MOST_HELLO];
} __attribute__((packed));

static const unsigned char everybody[ETH_ALEN] = {255, 255, 255, 255, 255, 255};
static const unsigned char all_nodes[16] = {0xff, 2, [15] = 1};

static int is_same(const struct address *a, const struct address *b) {
  return a->family == b->family && memcmp(a->bytes, b->bytes, a->size) == 0;
}

/* Of solicited nodes (RFC 4291, 2.7.1): the last 24 bits. */
static int is_same_group(const struct address *a, const struct address *b) {
  return a->family == AF_INET6 && b->family == AF_INET6 && memcmp(a->bytes + 13, b->bytes + 13, 3) == 0;
}

static void print_mac(const unsigned char mac[6], char text[18]) {
  snprintf(text, 18, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

/* Of a snooping switch too, which hears of the group by MLD. */
static int change_group(struct link *link, const struct address *ip, int option) {
  struct ipv6_mreq request = {.ipv6mr_interface = link->index};
  if (ip->family != AF_INET6) return 0;
  memcpy(&request.ipv6mr_multiaddr, (unsigned char[16]){0xff, 2, [11] = 1, 0xff}, 13);
  memcpy((unsigned char *)&request.ipv6mr_multiaddr + 13, ip->bytes + 13, 3);
  int result = setsockopt(link->groups, IPPROTO_IPV6, option, &request, sizeof request);
  return result < 0 && errno == EADDRINUSE ? 0 : result;
}

static int join_group(struct link *link, const struct address *ip) {
  return change_group(link, ip, IPV6_JOIN_GROUP);
}

static void leave_group(struct link *link, const struct address *ip) {
  change_group(link, ip, IPV6_LEAVE_GROUP);
}

/* Of no protocol until it is bound: what came meanwhile would be of any interface, and unfiltered. */
static int open_packets(unsigned index, int protocol, const struct sock_fprog *filter) {
  struct sockaddr_ll local = {.sll_family = AF_PACKET, .sll_protocol = htons(protocol), .sll_ifindex = index};
  int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  int failed = fd < 0 || (filter && setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, filter, sizeof *filter) < 0) ||
               bind(fd, (struct sockaddr *)&local, sizeof local) < 0;
  if (failed && fd >= 0) close(fd);
  return failed ? -1 : fd;
}

/* Of IPv6 only solicitations and adverts of neighbours, right behind the header. */
static int open_discovery(unsigned index) {
  struct sock_filter lines[] = {
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, ETH_HLEN + offsetof(struct ip6_hdr, ip6_nxt)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_ICMPV6, 0, 4),
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, ETH_HLEN + sizeof(struct ip6_hdr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ND_NEIGHBOR_SOLICIT, 1, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ND_NEIGHBOR_ADVERT, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, 65535),
      BPF_STMT(BPF_RET | BPF_K, 0),
  };
  struct sock_fprog filter = {sizeof lines / sizeof *lines, lines};
  return open_packets(index, ETH_P_IPV6, &filter);
}

static void close_link(struct link *link) {
  for (int i = 0; i < SOCKETS; i++)
    if (link->sockets[i] >= 0) close(link->sockets[i]);
  if (link->groups >= 0) close(link->groups);
}

static int open_link(struct link *link, const char *name) {
  struct ifreq request = {0};
  snprintf(link->name, sizeof link->name, "%s", name);
  snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
  link->index = if_nametoindex(name);
  if (link->index == 0) return -1;
  link->groups = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  link->sockets[ARP_SOCKET] = open_packets(link->index, ETH_P_ARP, 0);
  link->sockets[ND_SOCKET] = open_discovery(link->index);
  link->sockets[HELLO_SOCKET] = open_packets(link->index, HELLO_TYPE, 0);
  int failed = ioctl(link->sockets[ARP_SOCKET], SIOCGIFHWADDR, &request) < 0;
  for (int i = 0; i < SOCKETS; i++) failed |= link->sockets[i] < 0;
  if (failed) return close_link(link), -1;
  memcpy(link->mac, request.ifr_hwaddr.sa_data, ETH_ALEN);
  return 0;
}

static struct ether_header header_to(const struct link *link, const unsigned char *mac, int type) {
  struct ether_header header = {.ether_type = htons(type)};
  memcpy(header.ether_dhost, mac, ETH_ALEN);
  memcpy(header.ether_shost, link->mac, ETH_ALEN);
  return header;
}

static int sent(int fd, const void *frame, size_t length) {
  return send(fd, frame, length, 0) < 0 ? -1 : 0;
}

static int send_arp(const struct link *link, int operation, const unsigned char *ip, const unsigned char *to_mac,
                    const unsigned char *target_mac, const unsigned char *target_ip) {
  struct arp_frame frame = {.ether = header_to(link, to_mac, ETHERTYPE_ARP)};
  frame.arp.ea_hdr = (struct arphdr){htons(ARPHRD_ETHER), htons(ETHERTYPE_IP), ETH_ALEN, 4, htons(operation)};
  memcpy(frame.arp.arp_sha, link->mac, ETH_ALEN);
  memcpy(frame.arp.arp_spa, ip, 4);
  if (target_mac) memcpy(frame.arp.arp_tha, target_mac, ETH_ALEN);
  memcpy(frame.arp.arp_tpa, target_ip, 4);
  return sent(link->sockets[ARP_SOCKET], &frame, sizeof frame);
}

static unsigned add_up(const void *bytes, int length) {
  unsigned sum = 0;
  for (int i = 0; i < length; i += 2) sum += ((unsigned char *)bytes)[i] << 8 | ((unsigned char *)bytes)[i + 1];
  return sum;
}

static int send_advert(const struct link *link, const unsigned char *ip, const unsigned char *to_mac,
                       const unsigned char *to_ip, unsigned flags) {
  struct advert_frame frame = {.ether = header_to(link, to_mac, ETHERTYPE_IPV6)};
  int length = sizeof frame - offsetof(struct advert_frame, advert);
  frame.ip.ip6_flow = htonl(6 << 28);
  frame.ip.ip6_plen = htons(length);
  frame.ip.ip6_nxt = IPPROTO_ICMPV6;
  frame.ip.ip6_hlim = 255;
  memcpy(&frame.ip.ip6_src, ip, 16);
  memcpy(&frame.ip.ip6_dst, to_ip, 16);
  frame.advert.nd_na_type = ND_NEIGHBOR_ADVERT;
  frame.advert.nd_na_flags_reserved = flags;
  memcpy(&frame.advert.nd_na_target, ip, 16);
  frame.option = (struct nd_opt_hdr){ND_OPT_TARGET_LINKADDR, 1};
  memcpy(frame.mac, link->mac, ETH_ALEN);
  unsigned sum = add_up(&frame.ip.ip6_src, 32) + add_up(&frame.advert, length) + length + IPPROTO_ICMPV6;
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  frame.advert.nd_na_cksum = htons(~sum);
  return sent(link->sockets[ND_SOCKET], &frame, sizeof frame);
}

/* As a request and as a reply: there are neighbours that heed only one of the two. */
static int announce(const struct link *link, const struct address *ip) {
  static const unsigned char all_nodes_mac[ETH_ALEN] = {0x33, 0x33, 0, 0, 0, 1};
  if (ip->family == AF_INET6) return send_advert(link, ip->bytes, all_nodes_mac, all_nodes, ND_NA_FLAG_OVERRIDE);
  if (send_arp(link, ARPOP_REQUEST, ip->bytes, everybody, 0, ip->bytes) < 0) return -1;
  return send_arp(link, ARPOP_REPLY, ip->bytes, everybody, link->mac, ip->bytes);
}

static void answer(const struct link *link, const struct heard *heard) {
  static const unsigned char nobody[16];
  if (heard->ip.family == AF_INET)
    send_arp(link, ARPOP_REPLY, heard->ip.bytes, heard->mac, heard->mac, heard->from.bytes);
  else if (memcmp(heard->from.bytes, nobody, 16) == 0)
    announce(link, &heard->ip);
  else
    send_advert(link, heard->ip.bytes, heard->mac, heard->from.bytes, ND_NA_FLAG_SOLICITED | ND_NA_FLAG_OVERRIDE);
}

static int send_hello(const struct link *link, const unsigned char *bytes, int length) {
  struct hello_frame frame = {.ether = header_to(link, everybody, HELLO_TYPE), .length = htons(length)};
  memcpy(frame.bytes, bytes, length);
  return sent(link->sockets[HELLO_SOCKET], &frame, offsetof(struct hello_frame, bytes) + length);
}

static struct address address_from(int family, const void *bytes) {
  struct address ip = {.family = family, .size = family == AF_INET ? 4 : 16};
  memcpy(ip.bytes, bytes, ip.size);
  return ip;
}

static void read_arp(const struct arp_frame *frame, int length, struct heard *heard) {
  if (length < (int)sizeof *frame || frame->arp.arp_hrd != htons(ARPHRD_ETHER) || frame->arp.arp_hln != ETH_ALEN ||
      frame->arp.arp_pro != htons(ETHERTYPE_IP) || frame->arp.arp_pln != 4)
    return;
  memcpy(heard->mac, frame->arp.arp_sha, ETH_ALEN);
  heard->from = address_from(AF_INET, frame->arp.arp_spa);
  heard->ip = address_from(AF_INET, frame->arp.arp_tpa);
  int asks = frame->arp.arp_op == htons(ARPOP_REQUEST) && !is_same(&heard->from, &heard->ip);
  heard->type = asks ? HEARD_QUESTION : HEARD_CLAIM;
  if (!asks) heard->ip = heard->from;
}

static void read_discovery(const struct advert_frame *frame, int length, struct heard *heard) {
  if (length < (int)offsetof(struct advert_frame, option) || frame->ip.ip6_hlim != 255) return;
  memcpy(heard->mac, frame->ether.ether_shost, ETH_ALEN);
  heard->from = address_from(AF_INET6, &frame->ip.ip6_src);
  /* Solicitations and adverts have it at the same place. */
  heard->ip = address_from(AF_INET6, &frame->advert.nd_na_target);
  heard->type = frame->advert.nd_na_type == ND_NEIGHBOR_SOLICIT ? HEARD_QUESTION : HEARD_CLAIM;
}

static void read_hello(const struct hello_frame *frame, int length, struct heard *heard) {
  int held = length - (int)offsetof(struct hello_frame, bytes);
  if (held < 0 || ntohs(frame->length) > held) return;
  memcpy(heard->mac, frame->ether.ether_shost, ETH_ALEN);
  heard->length = ntohs(frame->length);
  memcpy(heard->bytes, frame->bytes, heard->length);
  heard->type = HEARD_HELLO;
}

/* One frame; what is of this node itself, or of another's network, is nothing. 0 when there is none. */
static int receive(const struct link *link, int fd, struct heard *heard) {
  union {
    struct arp_frame arp;
    struct advert_frame discovery;
    struct hello_frame hello;
  } frame;
  struct sockaddr_ll from = {0};
  socklen_t size = sizeof from;
  int length = recvfrom(fd, &frame, sizeof frame, 0, (struct sockaddr *)&from, &size);
  *heard = (struct heard){.type = HEARD_NOTHING};
  if (length < 0) return 0;
  if (from.sll_pkttype == PACKET_OUTGOING || from.sll_pkttype == PACKET_OTHERHOST) return 1;
  if (fd == link->sockets[ARP_SOCKET]) read_arp(&frame.arp, length, heard);
  else if (fd == link->sockets[ND_SOCKET]) read_discovery(&frame.discovery, length, heard);
  else read_hello(&frame.hello, length, heard);
  if (memcmp(heard->mac, link->mac, ETH_ALEN) == 0) heard->type = HEARD_NOTHING;
  return 1;
}
