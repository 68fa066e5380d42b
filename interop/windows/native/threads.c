/* A test double, for tests of @wireweave/ffi only: a DLL with threads of its own, a log, and calls that fail and wait. */
#include <windows.h>

#define EXPORT __declspec(dllexport)
typedef void(WINAPI *Logger)(DWORD level, DWORD64 time, const WCHAR *message);

static volatile LONG ticks, logging, delivered;
static volatile Logger logger;
static HANDLE logThread;

static DWORD WINAPI tick(void *milliseconds) {
  DWORD end = GetTickCount() + (DWORD)(ULONG_PTR)milliseconds;
  while ((LONG)(end - GetTickCount()) > 0) {
    InterlockedIncrement(&ticks);
    Sleep(1);
  }
  return 0;
}

/* A thread that runs this DLL's code for a while, whoever goes away meanwhile. */
EXPORT BOOL WINAPI StartTicking(DWORD milliseconds) {
  HANDLE thread = CreateThread(NULL, 0, tick, (void *)(ULONG_PTR)milliseconds, 0, NULL);
  return thread != NULL && CloseHandle(thread);
}

EXPORT LONG WINAPI Ticks(void) { return ticks; }

EXPORT void WINAPI SetLogger(Logger callback) { InterlockedExchangePointer((void *volatile *)&logger, (void *)callback); }

static void say(const WCHAR *message) {
  FILETIME now;
  Logger callback = logger;
  if (callback == NULL) return;
  GetSystemTimeAsFileTime(&now);
  callback(0, ((DWORD64)now.dwHighDateTime << 32) | now.dwLowDateTime, message);
  InterlockedIncrement(&delivered);
}

static DWORD WINAPI log_lines(void *interval) {
  while (logging) {
    say(L"a line from another thread, with \x20ac");
    Sleep((DWORD)(ULONG_PTR)interval);
  }
  say(L"the last line");
  return 0;
}

EXPORT BOOL WINAPI StartLogging(DWORD interval) {
  logging = 1;
  logThread = CreateThread(NULL, 0, log_lines, (void *)(ULONG_PTR)interval, 0, NULL);
  return logThread != NULL;
}

/* Waits for the thread, which says one more line: forever in a real driver, three seconds here. 0 or WAIT_TIMEOUT. */
EXPORT DWORD WINAPI StopLogging(void) {
  logging = 0;
  return WaitForSingleObject(logThread, 3000);
}

EXPORT LONG WINAPI Delivered(void) { return delivered; }

EXPORT BOOL WINAPI FailWith(DWORD code, DWORD milliseconds) {
  Sleep(milliseconds);
  SetLastError(code);
  return FALSE;
}
