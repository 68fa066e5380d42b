/** Structs of Windows that this package fills, for x64 and arm64, where pointers have 8 bytes. A test holds them against mingw's headers. */

export const WINTRUST_FILE_INFO = { size: 32, cbStruct: 0, pcwszFilePath: 8, hFile: 16, pgKnownSubject: 24 } as const
export const WINTRUST_DATA = {
  size: 80,
  cbStruct: 0,
  dwUIChoice: 24,
  fdwRevocationChecks: 28,
  dwUnionChoice: 32,
  pFile: 40,
  dwStateAction: 48,
  hWVTStateData: 56,
  dwProvFlags: 72,
} as const
