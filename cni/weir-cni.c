/*
 * weir-cni: what a container runtime executes. It frames its environment and stdin to the node process's unix socket, prints
 * the answer and leaves with the answer's exit code. It parses nothing; the frame is drawn in cni/README.md.
 *
 * The socket: $WEIR_CNI_SOCKET, else the symbolic link "<this executable>.socket" where there is one, else the default.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>

#ifndef DEFAULT_SOCKET
#define DEFAULT_SOCKET "/var/run/weir/cni.sock"
#endif
#define VERSIONS "[\"0.3.0\",\"0.3.1\",\"0.4.0\",\"1.0.0\",\"1.1.0\"]"
/* A configuration with prevResult is some kB; what is larger than this is no configuration. */
#define LIMIT (4u << 20)

extern char **environ;

struct buffer {
  char *bytes;
  size_t length, room;
};

/* CNI error 11, "try again later": the node process is starting, stopping, or was replaced just now. */
static int away(const char *what, const char *path) {
  printf("{\"cniVersion\":\"1.1.0\",\"code\":11,\"msg\":\"the Weir node process is not there; try again later\","
         "\"details\":\"%s %s: %s\"}\n", what, path, strerror(errno));
  return 1;
}

static int fail(int code, const char *what) {
  printf("{\"cniVersion\":\"1.1.0\",\"code\":%d,\"msg\":\"%s\"}\n", code, what);
  return 1;
}

static void reserve(struct buffer *b, size_t more) {
  if (b->length + more <= b->room) return;
  while (b->room < b->length + more) b->room = b->room ? b->room * 2 : 16384;
  b->bytes = realloc(b->bytes, b->room);
  if (!b->bytes) _exit(fail(999, "out of memory"));
}

static void append(struct buffer *b, const void *bytes, size_t length) {
  reserve(b, length);
  memcpy(b->bytes + b->length, bytes, length);
  b->length += length;
}

/* 0 at the end of the file, -1 for an error or too much. */
static int drain(int fd, struct buffer *b) {
  for (;;) {
    reserve(b, 8192);
    ssize_t n = read(fd, b->bytes + b->length, b->room - b->length);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return (int)n;
    if ((b->length += (size_t)n) > LIMIT) return errno = EFBIG, -1;
  }
}

static int put(int fd, const char *bytes, size_t length) {
  while (length > 0) {
    ssize_t n = write(fd, bytes, length);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return -1;
    bytes += n;
    length -= (size_t)n;
  }
  return 0;
}

static int wanted(const char *variable) {
  static const char *const prefixes[] = {"CNI_", "TRACEPARENT=", "TRACESTATE=", "BAGGAGE="};
  for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
    if (strncmp(variable, prefixes[i], strlen(prefixes[i])) == 0) return 1;
  return 0;
}

static const char *find_socket(char *own, size_t room) {
  const char *path = getenv("WEIR_CNI_SOCKET");
  if (path && *path) return path;
  ssize_t n = readlink("/proc/self/exe", own, room - sizeof ".socket");
  struct stat seen;
  if (n > 0) {
    strcpy(own + n, ".socket");
    if (lstat(own, &seen) == 0) return own;
  }
  return DEFAULT_SOCKET;
}

int main(void) {
  const char *command = getenv("CNI_COMMAND");
  if (!command) return fail(4, "CNI_COMMAND is not set: this is a CNI plugin, executed by a container runtime");
  if (strcmp(command, "VERSION") == 0)
    return puts("{\"cniVersion\":\"1.1.0\",\"supportedVersions\":" VERSIONS "}") < 0;
  signal(SIGPIPE, SIG_IGN);

  /* "WCN1", length of the environment, length of stdin (both big-endian), then both. */
  struct buffer frame = {0};
  uint32_t head[3] = {0};
  append(&frame, head, sizeof head);
  for (char **v = environ; *v; v++)
    if (wanted(*v)) append(&frame, *v, strlen(*v) + 1);
  size_t split = frame.length;
  if (drain(0, &frame) < 0) return fail(5, "stdin cannot be read, or is larger than 4 MB");
  memcpy(head, "WCN1", 4);
  head[1] = htonl((uint32_t)(split - sizeof head));
  head[2] = htonl((uint32_t)(frame.length - split));
  memcpy(frame.bytes, head, sizeof head);

  char own[4096];
  const char *path = find_socket(own, sizeof own);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) return fail(4, "the socket's path is longer than 107 bytes");
  strcpy(address.sun_path, path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0) return away("connect", path);
  if (put(fd, frame.bytes, frame.length) < 0) return away("write", path);

  /* The answer: one byte, the exit code, then what belongs on stdout. */
  struct buffer answer = {0};
  if (drain(fd, &answer) < 0) return away("read", path);
  if (answer.length == 0) return errno = ECONNRESET, away("read", path);
  if (put(1, answer.bytes + 1, answer.length - 1) < 0) return 1;
  return (unsigned char)answer.bytes[0];
}
