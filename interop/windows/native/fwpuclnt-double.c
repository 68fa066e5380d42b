/*
 * A stand-in for fwpuclnt.dll: filters of one session are kept and can be asked what they would do with a connection. NOT the
 * Windows Filtering Platform: it blocks nothing.
 *
 * Rules: open=CODE, filter=CODE*N, commit=CODE.
 */
#include "double.h"
#include <fwptypes.h>
#include <fwpmtypes.h>

/* fwpmu.h of the Windows SDK; mingw-w64 lacks the two. */
#define SESSION_DYNAMIC 1
#define CLEAR_ACTION_RIGHT 8

/* In the order of struct flow. */
enum field { F_APP_ID, F_USER_ID, F_FLAGS, F_INTERFACE, F_PROTOCOL, F_LOCAL_PORT, F_REMOTE_PORT, F_LOCAL_ADDRESS, F_REMOTE_ADDRESS, F_FIELDS };
static const GUID field_keys[F_FIELDS] = {
    {0xd78e1e87, 0x8644, 0x4ea5, {0x94, 0x37, 0xd8, 0x09, 0xec, 0xef, 0xc9, 0x71}},
    {0xaf043a0a, 0xb34d, 0x4f86, {0x97, 0x9c, 0xc9, 0x03, 0x71, 0xaf, 0x6e, 0x66}},
    {0x632ce23b, 0x5167, 0x435c, {0x86, 0xd7, 0xe9, 0x03, 0x68, 0x4a, 0xa8, 0x0c}},
    {0x4cd62a49, 0x59c3, 0x4969, {0xb7, 0xf3, 0xbd, 0xa5, 0xd3, 0x28, 0x90, 0xa4}},
    {0x3971ef2b, 0x623e, 0x4f9a, {0x8c, 0xb1, 0x6e, 0x79, 0xb8, 0x06, 0xb9, 0xa7}},
    {0x0c1ba1af, 0x5765, 0x453f, {0xaf, 0x22, 0xa8, 0xf7, 0x91, 0xac, 0x77, 0x5b}},
    {0xc35a604d, 0xd22b, 0x4e1a, {0x91, 0xb4, 0x68, 0xf6, 0x74, 0xee, 0x67, 0x4b}},
    {0xd9ee00de, 0xc1ef, 0x4617, {0xbf, 0xe3, 0xff, 0xd8, 0xf5, 0xa0, 0x89, 0x57}},
    {0xb235ae9a, 0x1d64, 0x49b8, {0xa4, 0x4c, 0x5f, 0xf3, 0xd9, 0x09, 0x50, 0x45}},
};
/* Connect and accept of IPv4, then of IPv6. */
static const GUID layer_keys[4] = {
    {0xc38d57d1, 0x05a7, 0x4c33, {0x90, 0x4f, 0x7f, 0xbc, 0xee, 0xe6, 0x0e, 0x82}},
    {0xe1cd9fe7, 0xf4b5, 0x4273, {0x96, 0xc0, 0x59, 0x2e, 0x48, 0x7b, 0x86, 0x50}},
    {0x4a72393b, 0x319f, 0x44bc, {0x84, 0xc3, 0xba, 0x54, 0xdc, 0xb3, 0xb6, 0xb4}},
    {0xa3b42c97, 0x9f04, 0x4672, {0xb8, 0x7e, 0xce, 0xe9, 0xc4, 0x83, 0x25, 0x7f}},
};

struct condition { enum field field; uint64_t number; uint8_t address[16]; uint8_t length; };
struct filter { int layer, weight, permits, hard; uint32_t count; struct condition conditions[16]; };
struct flow {
    uint32_t own, loopback;
    uint64_t luid;
    uint32_t protocol, local_port, remote_port, reserved;
    uint8_t local[16], remote[16];
};

static struct filter filters[256];
static uint32_t filter_count;
static int is_open, in_transaction, is_committed, has_provider, has_sublayer;
static GUID provider_key, sublayer_key;
static uint8_t program_name[] = {1, 2, 3, 4};

EXPORT DWORD WINAPI FwpmEngineOpen0(const wchar_t *server, UINT32 service, void *identity, const FWPM_SESSION0 *session,
                                    HANDLE *engine)
{
    int code;
    dbl_called("FwpmEngineOpen0", "");
    if (dbl_rule("open", &code)) return (DWORD)code;
    if (server != NULL || service != 10 || identity != NULL) dbl_violation("FwpmEngineOpen0: arguments");
    if (session->flags != SESSION_DYNAMIC) dbl_violation("FwpmEngineOpen0: filters would outlive the process");
    if (is_open) dbl_violation("FwpmEngineOpen0: a second session");
    is_open = 1;
    InterlockedIncrement(&dbl_live_count);
    *engine = (HANDLE)(UINT_PTR)0x1234;
    return 0;
}

static int check_engine(HANDLE engine, const char *function)
{
    if (is_open && engine == (HANDLE)(UINT_PTR)0x1234) return 1;
    dbl_violation("%s: no such session", function);
    return 0;
}

EXPORT DWORD WINAPI FwpmEngineClose0(HANDLE engine)
{
    dbl_called("FwpmEngineClose0", "");
    if (!check_engine(engine, "FwpmEngineClose0")) return ERROR_INVALID_HANDLE;
    is_open = in_transaction = is_committed = has_provider = has_sublayer = 0;
    filter_count = 0;
    InterlockedDecrement(&dbl_live_count);
    return 0;
}

EXPORT DWORD WINAPI FwpmTransactionBegin0(HANDLE engine, UINT32 flags)
{
    if (!check_engine(engine, "FwpmTransactionBegin0") || flags != 0 || in_transaction) return ERROR_INVALID_PARAMETER;
    in_transaction = 1;
    return 0;
}

EXPORT DWORD WINAPI FwpmTransactionCommit0(HANDLE engine)
{
    int code;
    if (!check_engine(engine, "FwpmTransactionCommit0") || !in_transaction) return ERROR_INVALID_PARAMETER;
    if (dbl_rule("commit", &code)) return (DWORD)code;
    in_transaction = 0;
    is_committed = 1;
    return 0;
}

EXPORT DWORD WINAPI FwpmProviderAdd0(HANDLE engine, const FWPM_PROVIDER0 *provider, void *descriptor)
{
    (void)descriptor;
    if (!check_engine(engine, "FwpmProviderAdd0") || !in_transaction) return ERROR_INVALID_PARAMETER;
    if (provider->displayData.name == NULL || provider->displayData.name[0] == 0) dbl_violation("a provider without a name");
    provider_key = provider->providerKey;
    has_provider = 1;
    return 0;
}

EXPORT DWORD WINAPI FwpmSubLayerAdd0(HANDLE engine, const FWPM_SUBLAYER0 *sublayer, void *descriptor)
{
    (void)descriptor;
    if (!check_engine(engine, "FwpmSubLayerAdd0") || !in_transaction) return ERROR_INVALID_PARAMETER;
    if (sublayer->displayData.name == NULL) dbl_violation("a sublayer without a name");
    if (!has_provider || sublayer->providerKey == NULL || memcmp(sublayer->providerKey, &provider_key, 16) != 0) {
        dbl_violation("a sublayer of another provider");
    }
    if (sublayer->weight != 0xFFFF) dbl_violation("a sublayer of weight %u", sublayer->weight);
    sublayer_key = sublayer->subLayerKey;
    has_sublayer = 1;
    return 0;
}

static int index_of(const GUID *keys, int count, const GUID *key)
{
    for (int i = 0; i < count; i++) if (memcmp(&keys[i], key, 16) == 0) return i;
    return -1;
}

static int read_condition(struct condition *to, const FWPM_FILTER_CONDITION0 *from)
{
    int field = index_of(field_keys, F_FIELDS, &from->fieldKey);
    const FWP_CONDITION_VALUE0 *value = &from->conditionValue;
    int match = field == F_FLAGS ? FWP_MATCH_FLAGS_ALL_SET : FWP_MATCH_EQUAL;
    if (field < 0 || (int)from->matchType != match) return 0;
    memset(to, 0, sizeof *to);
    to->field = (enum field)field;
    switch (field) {
    case F_APP_ID:
        return value->type == FWP_BYTE_BLOB_TYPE && value->byteBlob->size == sizeof program_name &&
               memcmp(value->byteBlob->data, program_name, sizeof program_name) == 0;
    case F_USER_ID:
        return value->type == FWP_SECURITY_DESCRIPTOR_TYPE && IsValidSecurityDescriptor(value->sd->data) &&
               GetSecurityDescriptorLength(value->sd->data) <= value->sd->size;
    case F_FLAGS:
        to->number = value->uint32;
        return value->type == FWP_UINT32 && value->uint32 == 1;
    case F_INTERFACE:
        if (value->type != FWP_UINT64) return 0;
        to->number = *value->uint64;
        return 1;
    case F_PROTOCOL:
        to->number = value->uint8;
        return value->type == FWP_UINT8;
    case F_LOCAL_PORT:
    case F_REMOTE_PORT:
        to->number = value->uint16;
        return value->type == FWP_UINT16;
    default:
        if (value->type == FWP_V4_ADDR_MASK) {
            uint32_t address = htonl(value->v4AddrMask->addr), mask = value->v4AddrMask->mask;
            memcpy(to->address, &address, 4);
            while (to->length < 32 && (mask >> (31 - to->length)) & 1) to->length++;
            return 1;
        }
        if (value->type != FWP_V6_ADDR_MASK) return 0;
        memcpy(to->address, value->v6AddrMask->addr, 16);
        to->length = value->v6AddrMask->prefixLength;
        return 1;
    }
}

EXPORT DWORD WINAPI FwpmFilterAdd0(HANDLE engine, const FWPM_FILTER0 *filter, void *descriptor, UINT64 *id)
{
    int code;
    (void)descriptor;
    dbl_called("FwpmFilterAdd0", "");
    if (!check_engine(engine, "FwpmFilterAdd0") || !in_transaction || filter_count == 256) return ERROR_INVALID_PARAMETER;
    if (dbl_rule("filter", &code)) return (DWORD)code;
    struct filter *to = &filters[filter_count];
    to->layer = index_of(layer_keys, 4, &filter->layerKey);
    if (filter->displayData.name == NULL) dbl_violation("a filter without a name");
    if (to->layer < 0) dbl_violation("a filter in another layer");
    if (!has_sublayer || memcmp(&filter->subLayerKey, &sublayer_key, 16) != 0) dbl_violation("a filter in another sublayer");
    if (filter->providerKey == NULL || memcmp(filter->providerKey, &provider_key, 16) != 0) dbl_violation("another provider");
    if (filter->weight.type != FWP_UINT8 || filter->weight.uint8 > 15) dbl_violation("a filter's weight");
    if (filter->action.type != FWP_ACTION_BLOCK && filter->action.type != FWP_ACTION_PERMIT) dbl_violation("its action");
    if (filter->numFilterConditions > 16) return ERROR_INVALID_PARAMETER;
    to->weight = filter->weight.uint8;
    to->permits = filter->action.type == FWP_ACTION_PERMIT;
    to->hard = (filter->flags & CLEAR_ACTION_RIGHT) != 0;
    to->count = filter->numFilterConditions;
    for (uint32_t i = 0; i < to->count; i++) {
        if (!read_condition(&to->conditions[i], &filter->filterCondition[i])) {
            dbl_violation("condition %u of \"%ls\"", i, filter->displayData.name);
            return ERROR_INVALID_PARAMETER;
        }
    }
    *id = ++filter_count;
    return 0;
}

/* Flows are told by where the program lies, not by the way that led there. */
static BOOL lies_there(const wchar_t *name)
{
    wchar_t place[1024];
    HANDLE file = CreateFileW(name, 0, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL, OPEN_EXISTING, 0, NULL);
    DWORD units = GetFinalPathNameByHandleW(file, place, 1024, 0);
    CloseHandle(file);
    return units > 4 && units < 1024 && lstrcmpiW(place + 4, name) == 0;
}

EXPORT DWORD WINAPI FwpmGetAppIdFromFileName0(const wchar_t *name, FWP_BYTE_BLOB **blob)
{
    static uint8_t other_name[] = {4, 3, 2, 1};
    if (GetFileAttributesW(name) == INVALID_FILE_ATTRIBUTES) return ERROR_FILE_NOT_FOUND;
    *blob = malloc(sizeof **blob);
    (*blob)->size = sizeof program_name;
    (*blob)->data = lies_there(name) ? program_name : other_name;
    InterlockedIncrement(&dbl_live_count);
    return 0;
}

EXPORT void WINAPI FwpmFreeMemory0(void **memory)
{
    if (*memory == NULL) return;
    free(*memory);
    *memory = NULL;
    InterlockedDecrement(&dbl_live_count);
}

/* ---- for the test */

static int in_prefix(const uint8_t *address, const struct condition *condition)
{
    for (int bit = 0; bit < condition->length; bit++) {
        if (((address[bit >> 3] ^ condition->address[bit >> 3]) >> (7 - (bit & 7))) & 1) return 0;
    }
    return 1;
}

static int holds(const struct condition *condition, const struct flow *flow)
{
    switch (condition->field) {
    case F_APP_ID:
    case F_USER_ID: return flow->own != 0;
    case F_FLAGS: return flow->loopback != 0;
    case F_INTERFACE: return flow->luid == condition->number;
    case F_PROTOCOL: return flow->protocol == condition->number;
    case F_LOCAL_PORT: return flow->local_port == condition->number;
    case F_REMOTE_PORT: return flow->remote_port == condition->number;
    case F_LOCAL_ADDRESS: return in_prefix(flow->local, condition);
    case F_REMOTE_ADDRESS: return in_prefix(flow->remote, condition);
    default: return 0;
    }
}

/* Conditions on one field are alternatives; fields must all match. */
static int filter_matches(const struct filter *filter, const struct flow *flow)
{
    uint32_t asked = 0, met = 0;
    for (uint32_t i = 0; i < filter->count; i++) {
        asked |= 1u << filter->conditions[i].field;
        if (holds(&filter->conditions[i], flow)) met |= 1u << filter->conditions[i].field;
    }
    return asked == met;
}

/* 0 blocks, 1 permits, 2 permits whatever others say, -1 when nothing matches: the platform then permits. */
EXPORT int32_t DblDecide(uint32_t layer, const struct flow *flow)
{
    const struct filter *best = NULL;
    for (uint32_t i = 0; i < (is_committed ? filter_count : 0); i++) {
        if (filters[i].layer != (int)layer || !filter_matches(&filters[i], flow)) continue;
        if (best == NULL || filters[i].weight > best->weight) best = &filters[i];
    }
    return best == NULL ? -1 : best->permits ? 1 + best->hard : 0;
}

/* What the compiler says of a layout: sizes, then offsets. */
EXPORT const char *DblLayouts(void)
{
    static char text[1024];
    sprintf(text,
            "{\"FWPM_SESSION0\":[%zu,%zu],\"FWPM_PROVIDER0\":[%zu,%zu,%zu],\"FWPM_SUBLAYER0\":[%zu,%zu,%zu,%zu,%zu],"
            "\"FWPM_FILTER0\":[%zu,%zu,%zu,%zu,%zu,%zu,%zu,%zu,%zu,%zu],\"FWPM_FILTER_CONDITION0\":[%zu,%zu,%zu,%zu],"
            "\"FWP_VALUE0\":[%zu,%zu,%zu],\"FWP_BYTE_BLOB\":[%zu,%zu,%zu]}",
            sizeof(FWPM_SESSION0), offsetof(FWPM_SESSION0, flags), sizeof(FWPM_PROVIDER0),
            offsetof(FWPM_PROVIDER0, providerKey), offsetof(FWPM_PROVIDER0, displayData.name), sizeof(FWPM_SUBLAYER0),
            offsetof(FWPM_SUBLAYER0, subLayerKey), offsetof(FWPM_SUBLAYER0, displayData.name),
            offsetof(FWPM_SUBLAYER0, providerKey), offsetof(FWPM_SUBLAYER0, weight), sizeof(FWPM_FILTER0),
            offsetof(FWPM_FILTER0, displayData.name), offsetof(FWPM_FILTER0, flags), offsetof(FWPM_FILTER0, providerKey),
            offsetof(FWPM_FILTER0, layerKey), offsetof(FWPM_FILTER0, subLayerKey), offsetof(FWPM_FILTER0, weight),
            offsetof(FWPM_FILTER0, numFilterConditions), offsetof(FWPM_FILTER0, filterCondition),
            offsetof(FWPM_FILTER0, action.type), sizeof(FWPM_FILTER_CONDITION0), offsetof(FWPM_FILTER_CONDITION0, fieldKey),
            offsetof(FWPM_FILTER_CONDITION0, matchType), offsetof(FWPM_FILTER_CONDITION0, conditionValue),
            sizeof(FWP_VALUE0), offsetof(FWP_VALUE0, type), offsetof(FWP_VALUE0, uint8), sizeof(FWP_BYTE_BLOB),
            offsetof(FWP_BYTE_BLOB, size), offsetof(FWP_BYTE_BLOB, data));
    return text;
}

BOOL WINAPI DllMain(HINSTANCE module, DWORD reason, LPVOID reserved)
{
    (void)module, (void)reserved;
    if (reason == DLL_PROCESS_ATTACH) dbl_load();
    return TRUE;
}
