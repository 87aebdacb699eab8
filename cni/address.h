/* Addresses as the programs of this folder are given them. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

struct address {
  int family, size;
  unsigned char bytes[16];
};

static int read_address(const char *text, struct address *address) {
  address->family = strchr(text, ':') ? AF_INET6 : AF_INET;
  address->size = address->family == AF_INET6 ? 16 : 4;
  errno = EINVAL;
  return inet_pton(address->family, text, address->bytes) == 1 ? 0 : -1;
}
