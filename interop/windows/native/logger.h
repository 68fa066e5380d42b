/* The log of the stand-ins: what wintun.dll and wireguard.dll tell the program that gave them a callback. */
#ifndef LOGGER_H
#define LOGGER_H

#include <stdarg.h>
#include <stdio.h>
#include <windows.h>

typedef void(CALLBACK *logger_callback)(DWORD level, DWORD64 timestamp, const wchar_t *message);

static logger_callback volatile logger;

static void log_line(DWORD level, const wchar_t *format, ...)
{
    logger_callback callback = logger;
    if (callback == NULL) return;
    wchar_t message[512];
    va_list arguments;
    va_start(arguments, format);
    vswprintf(message, 512, format, arguments);
    va_end(arguments);
    FILETIME now;
    GetSystemTimeAsFileTime(&now);
    DWORD error = GetLastError();
    callback(level, ((DWORD64)now.dwHighDateTime << 32) | now.dwLowDateTime, message);
    SetLastError(error);
}

#endif
