#include "history.h"

#include <cstring>

namespace telemetry {

static const std::size_t SIZE = 16384;
static char *volatile last;

void remember(const std::string &event) {
#ifdef FIXED
  delete[] last;
#endif
  char *copy = new char[SIZE];
  memset(copy, 1, SIZE);
  memcpy(copy, event.data(), event.size() < SIZE ? event.size() : SIZE);
  last = copy;
}

}
