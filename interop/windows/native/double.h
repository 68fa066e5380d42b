/*
 * What every stand-in DLL shares. They are test doubles: no driver, no network, only a model in memory that checks what it
 * is given. Include once; each DLL is one translation unit.
 *
 * Exported to the test: DblViolations, DblViolationText, DblRule, DblReset, DblLive, DblCalls. Rules are texts such as
 * "create=5", "create=183*1" (once), read from WGDBL_FAIL at load as well, separated by commas. WGDBL_LOG names a file that
 * gets one JSON line for each call and each violation.
 */
#ifndef WIREWEAVE_DOUBLE_H
#define WIREWEAVE_DOUBLE_H
#define _WIN32_WINNT 0x0A00
#include <winsock2.h>
#include <ws2ipdef.h>
#include <windows.h>
#include <netioapi.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __declspec(dllexport)
/* Left as last error after success, so that whoever reads it then is found. */
#define DBL_CANARY 0xDEAD
#define DBL_JOIN_MS 3000

static CRITICAL_SECTION dbl_lock;
static char dbl_violation_texts[64][256];
static LONG dbl_violation_count;
static volatile LONG dbl_live_count;
static volatile LONG dbl_call_count;
static struct { char name[32]; int value; int times; } dbl_rules[32];
static int dbl_rule_count;
static wchar_t dbl_log_path[MAX_PATH];

static void dbl_violation(const char *format, ...)
{
    va_list arguments;
    LONG index = InterlockedIncrement(&dbl_violation_count) - 1;
    if (index >= 64) return;
    va_start(arguments, format);
    vsnprintf(dbl_violation_texts[index], sizeof dbl_violation_texts[index], format, arguments);
    va_end(arguments);
    FILE *file = dbl_log_path[0] == 0 ? NULL : _wfopen(dbl_log_path, L"ab");
    if (file == NULL) return;
    fprintf(file, "{\"violation\":\"%s\"}\n", dbl_violation_texts[index]);
    fclose(file);
}

/* Is there a rule of this name? One that has a number of times is used up by the question. */
static int dbl_rule(const char *name, int *value)
{
    int found = 0;
    EnterCriticalSection(&dbl_lock);
    for (int i = 0; i < dbl_rule_count && !found; i++) {
        if (strcmp(dbl_rules[i].name, name) != 0 || dbl_rules[i].times == 0) continue;
        if (dbl_rules[i].times > 0) dbl_rules[i].times--;
        if (value != NULL) *value = dbl_rules[i].value;
        found = 1;
    }
    LeaveCriticalSection(&dbl_lock);
    return found;
}

static inline int dbl_value(const char *name, int otherwise)
{
    dbl_rule(name, &otherwise);
    return otherwise;
}

EXPORT void DblRule(const char *text)
{
    char name[32] = {0};
    int value = 1, times = -1;
    int fields = sscanf(text, "%31[^=]=%d*%d", name, &value, &times);
    if (fields < 1) return;
    EnterCriticalSection(&dbl_lock);
    if (dbl_rule_count < 32) {
        strcpy(dbl_rules[dbl_rule_count].name, name);
        dbl_rules[dbl_rule_count].value = value;
        dbl_rules[dbl_rule_count++].times = times;
    }
    LeaveCriticalSection(&dbl_lock);
}

/* Forgets rules and violations; the model stays. */
EXPORT void DblReset(void)
{
    EnterCriticalSection(&dbl_lock);
    dbl_rule_count = 0;
    dbl_violation_count = 0;
    LeaveCriticalSection(&dbl_lock);
}

EXPORT uint32_t DblViolations(void) { return (uint32_t)dbl_violation_count; }

/* UTF-8 with its NUL; empty when there is no such one. */
EXPORT void DblViolationText(uint32_t index, char *buffer, uint32_t size)
{
    int known = index < 64 && index < (uint32_t)dbl_violation_count;
    snprintf(buffer, size, "%s", known ? dbl_violation_texts[index] : "");
}

/* Handles and threads that are alive. */
EXPORT uint32_t DblLive(void) { return (uint32_t)dbl_live_count; }

/* Calls since the library was loaded. */
EXPORT uint32_t DblCalls(void) { return (uint32_t)dbl_call_count; }

static void dbl_called(const char *function, const char *format, ...)
{
    LONG sequence = InterlockedIncrement(&dbl_call_count);
    if (dbl_log_path[0] == 0) return;
    char arguments[300];
    va_list list;
    va_start(list, format);
    vsnprintf(arguments, sizeof arguments, format, list);
    va_end(list);
    EnterCriticalSection(&dbl_lock);
    FILE *file = _wfopen(dbl_log_path, L"ab");
    if (file != NULL) {
        fprintf(file, "{\"n\":%ld,\"thread\":%lu,\"call\":\"%s\"%s}\n", sequence, GetCurrentThreadId(), function, arguments);
        fclose(file);
    }
    LeaveCriticalSection(&dbl_lock);
}

static void dbl_load(void)
{
    InitializeCriticalSection(&dbl_lock);
    GetEnvironmentVariableW(L"WGDBL_LOG", dbl_log_path, MAX_PATH);
    char rules[512];
    DWORD length = GetEnvironmentVariableA("WGDBL_FAIL", rules, sizeof rules);
    if (length == 0 || length >= sizeof rules) return;
    for (char *rule = strtok(rules, ","); rule != NULL; rule = strtok(NULL, ",")) DblRule(rule);
}

/* Adapters that live in this process, for the stand-ins of a tunnel and that of iphlpapi. */
#define DBL_ADAPTERS 64
struct dbl_adapter {
    int live;
    uint32_t index;
    uint64_t luid;
    GUID guid;
    wchar_t name[128];
    DWORD created;
    int up;
};
struct dbl_machine {
    volatile LONG lock;
    uint32_t next_index;
    struct dbl_adapter adapters[DBL_ADAPTERS];
};

static struct dbl_machine *dbl_machine(void)
{
    static struct dbl_machine *machine;
    if (machine != NULL) return machine;
    char name[64];
    snprintf(name, sizeof name, "Local\\wireweave-double-%lu", GetCurrentProcessId());
    HANDLE mapping = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, sizeof *machine, name);
    machine = MapViewOfFile(mapping, FILE_MAP_ALL_ACCESS, 0, 0, sizeof *machine);
    return machine;
}

static void dbl_machine_lock(void)
{
    while (InterlockedCompareExchange(&dbl_machine()->lock, 1, 0) != 0) Sleep(0);
}

static void dbl_machine_unlock(void) { InterlockedExchange(&dbl_machine()->lock, 0); }

/* NULL when there is no room. */
static inline struct dbl_adapter *dbl_add_adapter(const wchar_t *name, const GUID *guid)
{
    struct dbl_machine *machine = dbl_machine();
    struct dbl_adapter *added = NULL;
    dbl_machine_lock();
    for (int i = 0; i < DBL_ADAPTERS && added == NULL; i++) {
        if (!machine->adapters[i].live) added = &machine->adapters[i];
    }
    if (added != NULL) {
        memset(added, 0, sizeof *added);
        /* The fake machine's loopback is 1, its network card 7. */
        added->index = 20 + machine->next_index++;
        added->luid = (53ull << 48) | ((uint64_t)added->index << 24);
        added->guid = *guid;
        wcsncpy(added->name, name, 127);
        added->created = GetTickCount();
        added->live = 1;
    }
    dbl_machine_unlock();
    return added;
}
#endif
