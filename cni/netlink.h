/* rtnetlink(7) as weir-netns needs it: one message, one acknowledgement. Each returns 0, or -1 with errno. */
#include "address.h"
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct message {
  struct nlmsghdr header;
  char body[1024];
};

static int open_netlink(unsigned groups) {
  struct sockaddr_nl local = {.nl_family = AF_NETLINK, .nl_groups = groups};
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  return fd < 0 || bind(fd, (struct sockaddr *)&local, sizeof local) < 0 ? -1 : fd;
}

static void *append(struct message *m, const void *bytes, size_t length) {
  void *place = (char *)m + NLMSG_ALIGN(m->header.nlmsg_len);
  memcpy(place, bytes, length);
  m->header.nlmsg_len = NLMSG_ALIGN(m->header.nlmsg_len) + length;
  return place;
}

static struct message begin(int type, int flags, const void *head, size_t length) {
  struct message m = {.header = {.nlmsg_len = NLMSG_HDRLEN, .nlmsg_type = type}};
  m.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
  append(&m, head, length);
  return m;
}

static struct rtattr *put(struct message *m, int type, const void *bytes, size_t length) {
  struct rtattr head = {.rta_type = type, .rta_len = RTA_LENGTH(length)};
  struct rtattr *place = append(m, &head, sizeof head);
  if (length > 0) append(m, bytes, length);
  return place;
}

/* What was put since the attribute is inside of it. */
static void end(struct message *m, struct rtattr *outer) {
  outer->rta_len = (char *)m + m->header.nlmsg_len - (char *)outer;
}

static int talk(struct message *m) {
  struct {
    struct nlmsghdr header;
    struct nlmsgerr error;
    char rest[1024];
  } reply = {0};
  int fd = open_netlink(0);
  if (fd < 0 || send(fd, m, m->header.nlmsg_len, 0) < 0 || recv(fd, &reply, sizeof reply, 0) < 0) return -1;
  close(fd);
  errno = reply.header.nlmsg_type == NLMSG_ERROR ? -reply.error.error : EPROTO;
  return errno == 0 ? 0 : -1;
}

static int read_mac(const char *text, unsigned char mac[6]) {
  return sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", mac, mac + 1, mac + 2, mac + 3, mac + 4, mac + 5) == 6;
}

/* A pair with one end here and the other in the namespace `pod`, both down. */
static int add_veth(const char *host_if, const char *pod_if, int pod, const unsigned char mac[6], int mtu) {
  struct ifinfomsg info = {.ifi_family = AF_UNSPEC};
  struct message m = begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &info, sizeof info);
  put(&m, IFLA_IFNAME, host_if, strlen(host_if) + 1);
  put(&m, IFLA_MTU, &mtu, sizeof mtu);
  struct rtattr *link = put(&m, IFLA_LINKINFO, 0, 0);
  put(&m, IFLA_INFO_KIND, "veth", 4);
  struct rtattr *data = put(&m, IFLA_INFO_DATA, 0, 0), *peer = put(&m, VETH_INFO_PEER, &info, sizeof info);
  put(&m, IFLA_IFNAME, pod_if, strlen(pod_if) + 1);
  put(&m, IFLA_MTU, &mtu, sizeof mtu);
  put(&m, IFLA_ADDRESS, mac, 6);
  put(&m, IFLA_NET_NS_FD, &pod, sizeof pod);
  end(&m, peer);
  end(&m, data);
  end(&m, link);
  return talk(&m);
}

static int delete_link(int index) {
  struct ifinfomsg info = {.ifi_family = AF_UNSPEC, .ifi_index = index};
  struct message m = begin(RTM_DELLINK, 0, &info, sizeof info);
  return talk(&m);
}

static int set_up(const char *name) {
  struct ifinfomsg info = {.ifi_family = AF_UNSPEC, .ifi_index = if_nametoindex(name)};
  info.ifi_flags = info.ifi_change = IFF_UP;
  struct message m = begin(RTM_NEWLINK, 0, &info, sizeof info);
  return talk(&m);
}

/* Without duplicate detection: the switch answers for every neighbour, so nobody could object, and waiting costs a second. */
static int add_address(const char *name, const char *text) {
  struct address ip;
  if (read_address(text, &ip) < 0) return -1;
  struct ifaddrmsg info = {.ifa_family = ip.family, .ifa_prefixlen = ip.size * 8, .ifa_index = if_nametoindex(name)};
  info.ifa_flags = ip.family == AF_INET6 ? IFA_F_NODAD : 0;
  struct message m = begin(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &info, sizeof info);
  put(&m, IFA_LOCAL, ip.bytes, ip.size);
  put(&m, IFA_ADDRESS, ip.bytes, ip.size);
  return talk(&m);
}

/* To one address on the link, or to everywhere through one. */
static int add_route(const char *name, const char *destination, const char *gateway) {
  struct address ip;
  int index = if_nametoindex(name);
  if (read_address(destination ? destination : gateway, &ip) < 0) return -1;
  struct rtmsg info = {.rtm_family = ip.family, .rtm_table = RT_TABLE_MAIN, .rtm_protocol = RTPROT_BOOT};
  info.rtm_type = RTN_UNICAST;
  info.rtm_dst_len = destination ? ip.size * 8 : 0;
  info.rtm_scope = destination && ip.family == AF_INET ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
  struct message m = begin(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &info, sizeof info);
  put(&m, destination ? RTA_DST : RTA_GATEWAY, ip.bytes, ip.size);
  put(&m, RTA_OIF, &index, sizeof index);
  return talk(&m);
}

static int add_neighbour(const char *name, const char *text, const unsigned char mac[6]) {
  struct address ip;
  if (read_address(text, &ip) < 0) return -1;
  struct ndmsg info = {.ndm_family = ip.family, .ndm_ifindex = if_nametoindex(name), .ndm_state = NUD_PERMANENT};
  struct message m = begin(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, &info, sizeof info);
  put(&m, NDA_DST, ip.bytes, ip.size);
  put(&m, NDA_LLADDR, mac, 6);
  return talk(&m);
}

/* Whether what a listening socket has now says that the link is no more; having missed something may be that too. */
static int hears_removal(int fd, unsigned index) {
  char bytes[16384];
  int left = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
  for (struct nlmsghdr *m = (void *)bytes; NLMSG_OK(m, (unsigned)left) && left > 0; m = NLMSG_NEXT(m, left))
    if (m->nlmsg_type == RTM_DELLINK && ((struct ifinfomsg *)NLMSG_DATA(m))->ifi_index == (int)index) return 1;
  return 0;
}
