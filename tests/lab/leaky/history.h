#pragma once
#include <string>

namespace telemetry {
// Keeps the last event, and forgets the one before.
void remember(const std::string &event);
}
