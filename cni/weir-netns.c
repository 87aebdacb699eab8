/*
 * weir-netns: work inside another network namespace, for a process that cannot enter one itself.
 *
 *   weir-netns exec NETNS PROGRAM [ARG...]        enters and becomes the program
 *   weir-netns plug NETNS POD_IF HOST_IF MODE     enters, runs `ip -batch -` on its stdin, then turns POD_IF's transmit checksum
 *                                                 offload off (MODE "nocsum"; "csum" leaves it), comes back, sets HOST_IF up.
 *
 * Exit codes: 0, ip's own, 64 wrong usage, 65 the namespace is not there, 66 a system call failed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int fail(int code, const char *what, const char *name) {
  fprintf(stderr, "weir-netns: %s %s: %s\n", what, name, strerror(errno));
  return code;
}

static int enter(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail(65, "open", path);
  int result = setns(fd, CLONE_NEWNET) < 0 ? fail(65, "enter", path) : 0;
  close(fd);
  return result;
}

static int run_ip(void) {
  int status = 0;
  pid_t child = vfork();
  if (child < 0) return fail(66, "fork", "ip");
  if (child == 0) {
    execlp("ip", "ip", "-batch", "-", (char *)0);
    _exit(127);
  }
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return fail(66, "wait", "ip");
  return WIFEXITED(status) ? WEXITSTATUS(status) : 66;
}

/* In user space a datapath gets frames as the pod's kernel left them: without this, TCP and UDP have half a checksum. */
static int stop_offload(const char *name) {
  struct ifreq request = {0};
  struct ethtool_value value = {.cmd = ETHTOOL_STXCSUM, .data = 0};
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  request.ifr_data = (void *)&value;
  int result = fd < 0 || ioctl(fd, SIOCETHTOOL, &request) < 0 ? fail(66, "checksum offload of", name) : 0;
  if (fd >= 0) close(fd);
  return result;
}

static int set_up(const char *name) {
  char path[96];
  /* The host's end needs no address, and its router solicitations are noise in the switch. Kernels without IPv6 lack the file. */
  snprintf(path, sizeof path, "/proc/sys/net/ipv6/conf/%s/disable_ipv6", name);
  int quiet = open(path, O_WRONLY | O_CLOEXEC);
  if (quiet >= 0) {
    ssize_t ignored = write(quiet, "1", 1);
    (void)ignored;
    close(quiet);
  }
  struct ifreq request = {0};
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request) < 0) return fail(66, "flags of", name);
  request.ifr_flags |= IFF_UP;
  return ioctl(fd, SIOCSIFFLAGS, &request) < 0 ? fail(66, "set up", name) : 0;
}

static int plug(char **arguments) {
  int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  if (home < 0) return fail(66, "open", "/proc/self/ns/net");
  int result = enter(arguments[0]);
  if (result == 0) result = run_ip();
  if (result == 0 && strcmp(arguments[3], "nocsum") == 0) result = stop_offload(arguments[1]);
  if (result != 0) return result;
  if (setns(home, CLONE_NEWNET) < 0) return fail(66, "return from", arguments[0]);
  return set_up(arguments[2]);
}

int main(int count, char **arguments) {
  if (count == 6 && strcmp(arguments[1], "plug") == 0) return plug(arguments + 2);
  if (count >= 4 && strcmp(arguments[1], "exec") == 0) {
    int result = enter(arguments[2]);
    if (result != 0) return result;
    execvp(arguments[3], arguments + 3);
    return fail(66, "execute", arguments[3]);
  }
  fputs("usage: weir-netns exec NETNS PROGRAM [ARG...] | weir-netns plug NETNS POD_IF HOST_IF csum|nocsum\n", stderr);
  return 64;
}
