/* A stand-in for a wintun.dll of before version 0.14, which has other functions under some of the same names. */
#include <windows.h>

#define EXPORT __declspec(dllexport)

EXPORT void *WINAPI WintunCreateAdapter(const WCHAR *pool, const WCHAR *name, const GUID *guid, BOOL *reboot)
{
    (void)pool, (void)name, (void)guid, (void)reboot;
    return NULL;
}
EXPORT void WINAPI WintunFreeAdapter(void *adapter) { (void)adapter; }
EXPORT BOOL WINAPI WintunDeletePoolDriver(const WCHAR *pool, BOOL *reboot) { return pool == NULL || reboot == NULL; }
