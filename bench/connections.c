/*
 * TCP connections opened and closed as fast as they can be.
 *
 *     connections serve PORT COUNT             takes connections at so many ports from PORT on, and closes them; prints "listening"
 *     connections ask ADDRESS PORT MS CLIENTS  so many clients, each with one connection at a time; prints how many connections
 *                                              there were, and the median time of a connect in microseconds
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MOST 200000

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static void serve(int port, int count) {
  int poll = epoll_create1(0);
  for (int i = 0; i < count; i++) {
    int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in place = {.sin_family = AF_INET, .sin_port = htons(port + i)};
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&place, sizeof place) || listen(listener, 4096)) fail("listen");
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
  }
  puts("listening");
  fflush(stdout);
  for (;;) {
    struct epoll_event events[64];
    int ready = epoll_wait(poll, events, 64, -1);
    for (int i = 0, taken; i < ready; i++)
      while ((taken = accept(events[i].data.fd, NULL, NULL)) >= 0) close(taken);
  }
}

/* A reset closes: a client's ports would be used up within seconds otherwise. */
static int ask(struct sockaddr_in place, double end, float *times) {
  struct linger reset = {.l_onoff = 1};
  int count = 0;
  for (double before = now(); before < end && count < MOST; before = now()) {
    int s = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(s, (struct sockaddr *)&place, sizeof place)) fail("connect");
    times[count++] = now() - before;
    setsockopt(s, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(s);
  }
  return count;
}

static int compare(const void *a, const void *b) {
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

struct client {
  int count;
  float times[MOST];
};

static int ask_all(struct sockaddr_in place, int milliseconds, int clients) {
  struct client *all =
      mmap(NULL, clients * sizeof *all, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (all == MAP_FAILED) fail("mmap");
  double end = now() + milliseconds * 1e3;
  for (int i = 0; i < clients; i++)
    if (fork() == 0) {
      all[i].count = ask(place, end, all[i].times);
      _exit(0);
    }
  for (int status; wait(&status) > 0;)
    if (status != 0) return 1;
  int total = 0;
  float *times = NULL;
  for (int i = 0; i < clients; i++) {
    times = realloc(times, (total + all[i].count + 1) * sizeof *times);
    memcpy(times + total, all[i].times, all[i].count * sizeof *times);
    total += all[i].count;
  }
  qsort(times, total, sizeof *times, compare);
  printf("%d %.1f\n", total, times[total / 2]);
  return 0;
}

int main(int argc, char **argv) {
  if (argc == 4 && strcmp(argv[1], "serve") == 0) serve(atoi(argv[2]), atoi(argv[3]));
  struct sockaddr_in place = {.sin_family = AF_INET};
  if (argc != 6 || strcmp(argv[1], "ask") != 0 || inet_pton(AF_INET, argv[2], &place.sin_addr) != 1) return 2;
  place.sin_port = htons(atoi(argv[3]));
  return ask_all(place, atoi(argv[4]), atoi(argv[5]));
}
