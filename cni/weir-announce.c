/*
 * weir-announce PATIENCE: answers ARP and neighbour solicitations for addresses that no interface has, and carries the hellos
 * by which nodes know of each other on a link. Each line of stdin is an order, done in turn:
 *
 *     open IF                     listen there; "close IF" ends it
 *     add IF IP, remove IF IP     answer for the address, or not any more
 *     announce IF IP              tell everybody on the link whose it is
 *     hello IF HEX                send a hello with these bytes
 *
 * Each line of stdout is something that was heard, or an order that could not be done:
 *
 *     hello IF MAC HEX            of another node
 *     claim IF MAC IP             somebody else says that an address is theirs for which this program answers
 *     failed WHY: ORDER
 *
 * It ends with stdin, and answers nobody when no order has come for PATIENCE milliseconds: who gives the orders hangs then, and
 * another node takes over. So nothing stays behind in the kernel that would have to be taken back.
 */
#define _GNU_SOURCE
#include "neighbour.h"
#include <ctype.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>

#define MOST_LINKS 16
#define MOST_WORDS 4
/* Of each address, so that nobody can keep who reads of claims busy. */
#define CLAIM_PAUSE 1000
/* So many frames of a socket, then it is the others' turn. */
#define AT_ONCE 64

struct held {
  struct address ip;
  long long claimed;
};

struct watched {
  struct link link;
  struct held *addresses;
  int count, room;
};

static struct watched *links[MOST_LINKS];
static long long patience, last_order;

static long long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000LL + time.tv_nsec / 1000000;
}

static int place_of(const char *name) {
  for (int i = 0; i < MOST_LINKS; i++)
    if (name ? links[i] && strcmp(links[i]->link.name, name) == 0 : !links[i]) return i;
  return -1;
}

static struct held *find(struct watched *on, const struct address *ip) {
  for (int i = 0; i < on->count; i++)
    if (is_same(&on->addresses[i].ip, ip)) return on->addresses + i;
  return 0;
}

static int open_watched(const char *name) {
  int place = place_of(0);
  struct watched *fresh = place < 0 ? 0 : calloc(1, sizeof *fresh);
  if (place_of(name) >= 0) return free(fresh), 0;
  if (!fresh) return errno = ENOSPC, -1;
  if (open_link(&fresh->link, name) < 0) return free(fresh), -1;
  links[place] = fresh;
  return 0;
}

static void close_watched(int place) {
  close_link(&links[place]->link);
  free(links[place]->addresses);
  free(links[place]);
  links[place] = 0;
}

static int add(struct watched *on, const struct address *ip) {
  if (find(on, ip)) return 0;
  if (on->count == on->room) {
    int room = on->room ? on->room * 2 : 16;
    struct held *grown = realloc(on->addresses, room * sizeof *grown);
    if (!grown) return -1;
    on->addresses = grown;
    on->room = room;
  }
  on->addresses[on->count++] = (struct held){*ip, -CLAIM_PAUSE};
  return join_group(&on->link, ip);
}

/* Another address may end alike, and be of the same group. */
static void release(struct watched *on, const struct address *ip) {
  struct held *held = find(on, ip);
  if (!held) return;
  *held = on->addresses[--on->count];
  for (int i = 0; i < on->count; i++)
    if (is_same_group(&on->addresses[i].ip, ip)) return;
  leave_group(&on->link, ip);
}

static int hex(const char *text, unsigned char *bytes, int room) {
  int count = 0;
  for (; isxdigit(text[0]) && isxdigit(text[1]) && count < room; text += 2, count++) sscanf(text, "%2hhx", bytes + count);
  return *text ? errno = EINVAL, -1 : count;
}

static int perform(char **words, int count) {
  struct address ip;
  unsigned char bytes[MOST_HELLO];
  int place = count > 1 ? place_of(words[1]) : -1;
  errno = EINVAL;
  if (count == 2 && strcmp(words[0], "open") == 0) return open_watched(words[1]);
  if (count == 2 && strcmp(words[0], "close") == 0) return place < 0 ? 0 : (close_watched(place), 0);
  if (count != 3) return -1;
  if (place < 0) return errno = ENODEV, -1;
  struct watched *on = links[place];
  if (strcmp(words[0], "hello") == 0) {
    int length = hex(words[2], bytes, sizeof bytes);
    return length < 0 ? -1 : send_hello(&on->link, bytes, length);
  }
  if (read_address(words[2], &ip) < 0) return -1;
  if (strcmp(words[0], "add") == 0) return add(on, &ip);
  if (strcmp(words[0], "remove") == 0) return release(on, &ip), 0;
  if (strcmp(words[0], "announce") == 0) return announce(&on->link, &ip);
  return errno = EINVAL, -1;
}

static void take_order(char *line) {
  char order[128], *words[MOST_WORDS], *rest = 0;
  int count = 0;
  snprintf(order, sizeof order, "%.100s", line);
  for (char *word = strtok_r(line, " \n", &rest); word && count < MOST_WORDS; word = strtok_r(0, " \n", &rest))
    words[count++] = word;
  last_order = now();
  if (perform(words, count) < 0) printf("failed %s: %s\n", strerror(errno), order);
}

/* Whole lines; what is left waits for its end. False when stdin has ended. */
static int take_orders(void) {
  static char text[65536];
  static size_t length;
  ssize_t more = read(0, text + length, sizeof text - 1 - length);
  if (more <= 0) return 0;
  text[length += more] = 0;
  char *line = text, *end;
  for (; (end = strchr(line, '\n')); line = end + 1) {
    *end = 0;
    take_order(line);
  }
  length -= line - text;
  memmove(text, line, length + 1);
  return length < sizeof text - 1;
}

static void tell_hello(const struct watched *on, const struct heard *heard) {
  char mac[18];
  print_mac(heard->mac, mac);
  printf("hello %s %s ", on->link.name, mac);
  for (int i = 0; i < heard->length; i++) printf("%02x", heard->bytes[i]);
  putchar('\n');
}

static void tell_claim(struct watched *on, const struct address *claimed, const unsigned char *by) {
  char ip[INET6_ADDRSTRLEN], mac[18];
  struct held *held = find(on, claimed);
  if (!held || now() - held->claimed < CLAIM_PAUSE) return;
  held->claimed = now();
  print_mac(by, mac);
  printf("claim %s %s %s\n", on->link.name, mac, inet_ntop(claimed->family, claimed->bytes, ip, sizeof ip));
}

/* Who asks says as well which address is its own. */
static void hear(struct watched *on, const struct heard *heard) {
  if (heard->type == HEARD_HELLO) tell_hello(on, heard);
  else tell_claim(on, heard->type == HEARD_CLAIM ? &heard->ip : &heard->from, heard->mac);
  if (heard->type == HEARD_QUESTION && find(on, &heard->ip) && now() - last_order < patience) answer(&on->link, heard);
}

static void listen_to(struct watched *on, int socket) {
  struct heard heard;
  for (int i = 0; i < AT_ONCE && receive(&on->link, socket, &heard) > 0; i++)
    if (heard.type != HEARD_NOTHING) hear(on, &heard);
}

int main(int count, char **arguments) {
  if (count != 2 || (patience = atoll(arguments[1])) <= 0) return fputs("usage: weir-announce PATIENCE\n", stderr), 64;
  for (;;) {
    struct pollfd waiting[1 + MOST_LINKS * SOCKETS] = {{.fd = 0, .events = POLLIN}};
    struct watched *of[1 + MOST_LINKS * SOCKETS];
    int total = 1;
    for (int i = 0; i < MOST_LINKS; i++)
      for (int s = 0; links[i] && s < SOCKETS; s++, total++) {
        waiting[total] = (struct pollfd){.fd = links[i]->link.sockets[s], .events = POLLIN};
        of[total] = links[i];
      }
    if (poll(waiting, total, -1) < 0) continue;
    for (int i = 1; i < total; i++)
      if (waiting[i].revents) listen_to(of[i], waiting[i].fd);
    /* An order may close a link: none is looked at after it. */
    if (waiting[0].revents && !take_orders()) return 0;
    fflush(stdout);
  }
}
