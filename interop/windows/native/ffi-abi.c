/* What mingw's compiler makes of the structs that @wireweave/ffi fills: JSON for its test. */
#include <stdio.h>
#include <windows.h>
#include <softpub.h>
#include <wintrust.h>

#define SIZE(type) at += sprintf(text + at, "\"%s.size\":%u,", #type, (unsigned)sizeof(type))
#define FIELD(type, field) \
  at += sprintf(text + at, "\"%s.%s\":%u,", #type, #field, (unsigned)__builtin_offsetof(type, field))

__declspec(dllexport) const char *WINAPI AbiLayout(void) {
  static char text[4096];
  int at = sprintf(text, "{");
  SIZE(WINTRUST_FILE_INFO);
  FIELD(WINTRUST_FILE_INFO, cbStruct);
  FIELD(WINTRUST_FILE_INFO, pcwszFilePath);
  FIELD(WINTRUST_FILE_INFO, hFile);
  FIELD(WINTRUST_FILE_INFO, pgKnownSubject);
  SIZE(WINTRUST_DATA);
  FIELD(WINTRUST_DATA, cbStruct);
  FIELD(WINTRUST_DATA, dwUIChoice);
  FIELD(WINTRUST_DATA, fdwRevocationChecks);
  FIELD(WINTRUST_DATA, dwUnionChoice);
  FIELD(WINTRUST_DATA, pFile);
  FIELD(WINTRUST_DATA, dwStateAction);
  FIELD(WINTRUST_DATA, hWVTStateData);
  FIELD(WINTRUST_DATA, dwProvFlags);
  sprintf(text + at, "\"pointer\":%u}", (unsigned)sizeof(void *));
  return text;
}
