// C++'s exceptions as return values.
#pragma once

#include <c10/util/Exception.h>

#include <exception>
#include <string>

// Message of the last exception on this thread.
inline thread_local std::string last_error;

// 0, or 1 where the body throws.
template <class F>
int guarded(F body) {
  try {
    body();
    return 0;
  } catch (const c10::Error& error) {
    last_error = error.what_without_backtrace();
  } catch (const std::exception& error) {
    last_error = error.what();
  } catch (...) {
    last_error = "unknown C++ exception";
  }
  return 1;
}
