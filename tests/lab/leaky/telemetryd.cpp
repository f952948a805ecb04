// A service as there are many: keeps a cache for good, tells systemd when it is ready, and handles events.
#include "history.h"

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <vector>

static const std::size_t CACHE = 6 << 20;
static std::vector<char> cache;

static socklen_t name(sockaddr_un &address, const char *path) {
  address.sun_family = AF_UNIX;
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  if (path[0] == '@') address.sun_path[0] = 0;
  return offsetof(sockaddr_un, sun_path) + strlen(path);
}

static void ready() {
  const char *path = getenv("NOTIFY_SOCKET");
  if (!path) return;
  sockaddr_un manager{};
  socklen_t size = name(manager, path);
  int out = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sendto(out, "READY=1", 7, 0, (sockaddr *)&manager, size);
  close(out);
}

int main(int words, char **) {
  if (words > 1 && daemon(0, 0)) return 1;
  cache.assign(CACHE, 1);
  sockaddr_un own{};
  socklen_t size = name(own, "@telemetry");
  int in = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (bind(in, (sockaddr *)&own, size)) return 1;
  ready();
  char event[256];
  for (;;) {
    ssize_t got = recv(in, event, sizeof event, 0);
    if (got > 0) telemetry::remember(std::string(event, got));
  }
}
