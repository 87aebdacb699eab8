/*
 * weir-netns: work inside other network namespaces, for a process that cannot enter one itself.
 *
 *   weir-netns exec NETNS PROGRAM [ARG...]   enters and becomes the program
 *   weir-netns serve                         does what each line of its stdin asks for, until stdin ends:
 *
 *     ID plug NETNS POD_IF HOST_IF MAC MTU csum|nocsum ROUTER_MAC [IP GATEWAY]...
 *     ID unplug HOST_IF
 *
 * and answers each on stdout with "ID CODE WHAT": 0, 64 no such request, 65 the namespace is not there, 66 a step failed. A
 * request is carried out by a child of its own, so that requests overlap and none enters a namespace for another.
 */
#define _GNU_SOURCE
#include "netlink.h"
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#define MOST_WORDS 32

static const char *request_id;

/* One write, so that the answers of several children never mix. */
static _Noreturn void answer(int code, const char *what, const char *name) {
  char text[256];
  const char *why = code == 0 ? "" : strerror(errno);
  int length = snprintf(text, sizeof text, "%s %d %s %s: %s\n", request_id, code, what, name, why);
  if (length >= (int)sizeof text) text[(length = sizeof text) - 1] = '\n';
  _exit(write(1, text, length) == length ? 0 : 1);
}

static void must(int result, const char *what, const char *name) {
  if (result < 0) answer(66, what, name);
}

static int enter(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  int result = fd < 0 ? -1 : setns(fd, CLONE_NEWNET);
  if (fd >= 0) close(fd);
  return result;
}

/* In user space a datapath gets frames as the pod's kernel left them: without this, TCP and UDP have half a checksum. */
static int stop_offload(const char *name) {
  struct ifreq request = {0};
  struct ethtool_value value = {.cmd = ETHTOOL_STXCSUM, .data = 0};
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  request.ifr_data = (void *)&value;
  return fd < 0 ? -1 : ioctl(fd, SIOCETHTOOL, &request);
}

/* The host's end needs no address, and its router solicitations are noise in the switch. Kernels without IPv6 lack the file. */
static void silence(const char *name) {
  char path[96];
  snprintf(path, sizeof path, "/proc/sys/net/ipv6/conf/%s/disable_ipv6", name);
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  ssize_t ignored = write(fd, "1", 1);
  (void)ignored;
  close(fd);
}

static void plug(char **words, int count) {
  char *netns = words[0], *pod_if = words[1], *host_if = words[2];
  unsigned char mac[6], router[6];
  if (count < 7 || count % 2 == 0 || !read_mac(words[3], mac) || !read_mac(words[6], router)) {
    errno = EINVAL;
    answer(64, "read", "plug");
  }
  int pod = open(netns, O_RDONLY | O_CLOEXEC);
  if (pod < 0) answer(65, "open", netns);
  must(add_veth(host_if, pod_if, pod, mac, atoi(words[4])), "add", pod_if);
  silence(host_if);
  must(set_up(host_if), "set up", host_if);
  if (setns(pod, CLONE_NEWNET) < 0) answer(65, "enter", netns);
  if (strcmp(words[5], "nocsum") == 0) must(stop_offload(pod_if), "checksum offload of", pod_if);
  for (int i = 7; i < count; i += 2) must(add_address(pod_if, words[i]), "add address", words[i]);
  must(set_up(pod_if), "set up", pod_if);
  for (int i = 8; i < count; i += 2) {
    must(add_route(pod_if, words[i], 0), "add route to", words[i]);
    must(add_route(pod_if, 0, words[i]), "add default route via", words[i]);
    must(add_neighbour(pod_if, words[i], router), "add neighbour", words[i]);
  }
  answer(0, "plugged", host_if);
}

/*
 * Both ends are out of their namespaces, with addresses and routes, when the kernel tells its listeners so. It lets go of who asked
 * only when no reader can hold the pair any more, 10 to 30 ms later: a grandchild waits for that.
 */
static void unplug(const char *host_if) {
  int news = open_netlink(RTMGRP_LINK), ended[2];
  unsigned index = if_nametoindex(host_if);
  if (index == 0) answer(0, "absent", host_if);
  must(news, "listen for", host_if);
  must(pipe2(ended, O_CLOEXEC), "pipe for", host_if);
  pid_t child = fork();
  must(child, "fork for", host_if);
  if (child == 0) _exit(delete_link(index) < 0 && errno != ENODEV ? errno : 0);
  close(ended[1]);
  struct pollfd either[2] = {{.fd = news, .events = POLLIN}, {.fd = ended[0]}};
  while (poll(either, 2, -1) < 0 || either[1].revents == 0)
    if (either[0].revents != 0 && hears_removal(news, index)) answer(0, "unplugged", host_if);
  int status = 0;
  waitpid(child, &status, 0);
  errno = WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
  answer(errno == 0 ? 0 : 66, "delete", host_if);
}

static void perform(char *line) {
  char *words[MOST_WORDS], *rest = 0;
  int count = 0;
  for (char *word = strtok_r(line, " \n", &rest); word && count < MOST_WORDS; word = strtok_r(0, " \n", &rest))
    words[count++] = word;
  request_id = count > 0 ? words[0] : "?";
  signal(SIGCHLD, SIG_DFL);
  if (count >= 5 && strcmp(words[1], "plug") == 0) plug(words + 2, count - 2);
  if (count == 3 && strcmp(words[1], "unplug") == 0) unplug(words[2]);
  errno = EINVAL;
  answer(64, "read", "request");
}

static int serve(void) {
  char *line = 0;
  size_t room = 0;
  signal(SIGCHLD, SIG_IGN);
  while (getline(&line, &room, stdin) > 0) {
    pid_t child = fork();
    /* A process that cannot fork is of no use: whoever started it sees it end, and starts another. */
    if (child < 0) return perror("weir-netns: fork"), 66;
    if (child == 0) perform(line);
  }
  return 0;
}

int main(int count, char **arguments) {
  if (count == 2 && strcmp(arguments[1], "serve") == 0) return serve();
  if (count >= 4 && strcmp(arguments[1], "exec") == 0) {
    if (enter(arguments[2]) < 0) return fprintf(stderr, "weir-netns: enter %s: %m\n", arguments[2]), 65;
    execvp(arguments[3], arguments + 3);
    return fprintf(stderr, "weir-netns: execute %s: %m\n", arguments[3]), 66;
  }
  fputs("usage: weir-netns exec NETNS PROGRAM [ARG...] | weir-netns serve\n", stderr);
  return 64;
}
