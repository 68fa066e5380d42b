/*
 * A stand-in for wireguard.dll: all 12 functions over a model in memory. NOT WireGuard: it carries no packets and must
 * never be loaded but by a test.
 *
 * Rules: create=CODE, create-delay=MS, open=CODE, up=CODE, logging=CODE, set=CODE, set-peer=K (the K-th peer fails with 8), get=CODE,
 * grow=1*N (the next N reads find more peers than there is room for), version=NUMBER, lograte=HZ (lines from a foreign
 * thread), gone=CODE (what calls on a killed adapter fail with; 2 otherwise).
 */
#include "double.h"
#include "logger.h"
#include <objbase.h>


#define MAGIC 0x57474E54u
#define FREED 0xFEEEFEEEu

struct allowed_ip { uint8_t address[16]; uint16_t family; uint8_t cidr; };
struct peer {
    uint8_t public_key[32], preshared_key[32], endpoint[28];
    uint16_t keepalive;
    uint64_t tx, rx, handshake;
    uint32_t count, room;
    struct allowed_ip *allowed;
};
struct device {
    struct dbl_adapter *adapter;
    uint8_t private_key[32], public_key[32];
    int has_key, up, dead;
    uint16_t port, bound;
    uint32_t count, room;
    struct peer **peers;
    uint32_t log_state;
    HANDLE log_thread, log_stop;
};
struct handle { uint32_t magic; int created; struct device *device; };

static struct device *devices[DBL_ADAPTERS];
static LONG next_port;
static int was_created;

static BOOL fail(DWORD code)
{
    SetLastError(code);
    return FALSE;
}

static BOOL succeed(void)
{
    SetLastError(DBL_CANARY);
    return TRUE;
}

/* ---- Curve25519, RFC 7748, numbers as 16 limbs of 16 bits */

typedef int64_t number[16];

static void carry(number n)
{
    for (int i = 0; i < 16; i++) {
        int64_t over = n[i] >> 16;
        n[i] -= over * 65536;
        if (i < 15) n[i + 1] += over;
        else n[0] += 38 * over;
    }
}

static void multiply(number out, const number a, const number b)
{
    int64_t wide[31] = {0};
    for (int i = 0; i < 16; i++) for (int j = 0; j < 16; j++) wide[i + j] += a[i] * b[j];
    for (int i = 0; i < 15; i++) wide[i] += 38 * wide[i + 16];
    memcpy(out, wide, sizeof(number));
    carry(out);
    carry(out);
}

static void add(number out, const number a, const number b) { for (int i = 0; i < 16; i++) out[i] = a[i] + b[i]; }
static void subtract(number out, const number a, const number b) { for (int i = 0; i < 16; i++) out[i] = a[i] - b[i]; }

static void swap(number a, number b, int64_t really)
{
    for (int i = 0; i < 16; i++) {
        int64_t both = -really & (a[i] ^ b[i]);
        a[i] ^= both;
        b[i] ^= both;
    }
}

static void to_bytes(uint8_t out[32], number n)
{
    for (int i = 0; i < 3; i++) carry(n);
    for (int round = 0; round < 2; round++) {
        number less;
        less[0] = n[0] - 0xffed;
        for (int i = 1; i < 16; i++) {
            less[i] = n[i] - (i == 15 ? 0x7fff : 0xffff) - ((less[i - 1] >> 16) & 1);
            less[i - 1] &= 0xffff;
        }
        int64_t negative = (less[15] >> 16) & 1;
        less[15] &= 0xffff;
        swap(n, less, 1 - negative);
    }
    for (int i = 0; i < 16; i++) {
        out[2 * i] = (uint8_t)n[i];
        out[2 * i + 1] = (uint8_t)(n[i] >> 8);
    }
}

static void public_of(uint8_t out[32], const uint8_t scalar[32])
{
    static const number a24 = {0xdb41, 1}, base = {9};
    number a = {1}, b, c = {0}, d = {1}, e, f;
    memcpy(b, base, sizeof b);
    for (int i = 254; i >= 0; i--) {
        int64_t bit = (scalar[i >> 3] >> (i & 7)) & 1;
        swap(a, b, bit);
        swap(c, d, bit);
        add(e, a, c);
        subtract(a, a, c);
        add(c, b, d);
        subtract(b, b, d);
        multiply(d, e, e);
        multiply(f, a, a);
        multiply(a, c, a);
        multiply(c, b, e);
        add(e, a, c);
        subtract(a, a, c);
        multiply(b, a, a);
        subtract(c, d, f);
        multiply(a, c, a24);
        add(a, a, d);
        multiply(c, c, a);
        multiply(a, d, f);
        multiply(d, b, base);
        multiply(b, e, e);
        swap(a, b, bit);
        swap(c, d, bit);
    }
    number inverse;
    memcpy(inverse, c, sizeof inverse);
    for (int i = 253; i >= 0; i--) {
        multiply(inverse, inverse, inverse);
        if (i != 2 && i != 4) multiply(inverse, inverse, c);
    }
    multiply(a, a, inverse);
    to_bytes(out, a);
}

/* ---- the model */

static struct peer *find_peer(struct device *device, const uint8_t *key)
{
    for (uint32_t i = 0; i < device->count; i++) {
        if (memcmp(device->peers[i]->public_key, key, 32) == 0) return device->peers[i];
    }
    return NULL;
}

static struct peer *add_peer(struct device *device, const uint8_t *key)
{
    if (device->count == device->room) {
        device->room = device->room * 2 + 8;
        device->peers = realloc(device->peers, device->room * sizeof *device->peers);
    }
    struct peer *peer = calloc(1, sizeof *peer);
    memcpy(peer->public_key, key, 32);
    return device->peers[device->count++] = peer;
}

static void remove_peer(struct device *device, struct peer *peer)
{
    for (uint32_t i = 0; i < device->count; i++) {
        if (device->peers[i] != peer) continue;
        memmove(&device->peers[i], &device->peers[i + 1], (device->count - i - 1) * sizeof *device->peers);
        device->count--;
        free(peer->allowed);
        free(peer);
        return;
    }
}

static void remove_peers(struct device *device)
{
    while (device->count > 0) remove_peer(device, device->peers[device->count - 1]);
}

static int take(struct peer *peer, const struct allowed_ip *ip)
{
    for (uint32_t i = 0; i < peer->count; i++) {
        if (memcmp(&peer->allowed[i], ip, sizeof *ip) != 0) continue;
        memmove(&peer->allowed[i], &peer->allowed[i + 1], (peer->count - i - 1) * sizeof *ip);
        peer->count--;
        return 1;
    }
    return 0;
}

static void give(struct device *device, struct peer *peer, const struct allowed_ip *ip)
{
    for (uint32_t i = 0; i < device->count; i++) if (take(device->peers[i], ip)) break;
    if (peer->count == peer->room) {
        peer->room = peer->room * 2 + 4;
        peer->allowed = realloc(peer->allowed, peer->room * sizeof *ip);
    }
    peer->allowed[peer->count++] = *ip;
}

static int is_zero(const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) if (bytes[i] != 0) return 0;
    return 1;
}

static uint16_t get16(const uint8_t *at) { uint16_t v; memcpy(&v, at, 2); return v; }
static uint32_t get32(const uint8_t *at) { uint32_t v; memcpy(&v, at, 4); return v; }
static void put16(uint8_t *at, uint16_t v) { memcpy(at, &v, 2); }
static void put32(uint8_t *at, uint32_t v) { memcpy(at, &v, 4); }
static void put64(uint8_t *at, uint64_t v) { memcpy(at, &v, 8); }

/* ---- handles */

static struct handle *make_handle(struct device *device, int created)
{
    struct handle *handle = calloc(1, sizeof *handle);
    handle->magic = MAGIC;
    handle->created = created;
    handle->device = device;
    InterlockedIncrement(&dbl_live_count);
    return handle;
}

/* Memory of a closed handle is never used again, so that its use is seen. */
static struct device *device_of(struct handle *handle, const char *function)
{
    if (handle != NULL && handle->magic == MAGIC) return handle->device;
    dbl_violation("%s: %s handle", function, handle != NULL && handle->magic == FREED ? "closed" : "foreign");
    fail(ERROR_INVALID_HANDLE);
    return NULL;
}

static struct device *living(struct handle *handle, const char *function)
{
    struct device *device = device_of(handle, function);
    if (device == NULL || !device->dead) return device;
    fail((DWORD)dbl_value("gone", ERROR_FILE_NOT_FOUND));
    return NULL;
}

static struct device *find_device(const wchar_t *name)
{
    for (int i = 0; i < DBL_ADAPTERS; i++) {
        if (devices[i] != NULL && !devices[i]->dead && _wcsicmp(devices[i]->adapter->name, name) == 0) return devices[i];
    }
    return NULL;
}

static int port_taken(const struct device *except, uint16_t port)
{
    for (int i = 0; i < DBL_ADAPTERS; i++) {
        if (devices[i] != NULL && devices[i] != except && devices[i]->up && devices[i]->bound == port) return 1;
    }
    return 0;
}

static int check_name(const wchar_t *name, const char *function)
{
    if (name == NULL || name[0] == 0) dbl_violation("%s: no name", function);
    else if (wcslen(name) < 128) return 1;
    return fail(ERROR_BUFFER_OVERFLOW);
}

EXPORT struct handle *WINAPI WireGuardCreateAdapter(const wchar_t *name, const wchar_t *type, const GUID *guid)
{
    int code;
    dbl_called("WireGuardCreateAdapter", ",\"name\":\"%ls\"", name);
    if (!check_name(name, "CreateAdapter") || !check_name(type, "CreateAdapter")) return NULL;
    log_line(0, L"Creating adapter %ls", name);
    Sleep((DWORD)dbl_value("create-delay", 0));
    if (dbl_rule("create", &code)) {
        log_line(2, L"Failed to create adapter: problem code 0x1F, status 0xC0000035");
        return fail(code), NULL;
    }
    GUID chosen = {0};
    if (guid != NULL) chosen = *guid;
    else CoCreateGuid(&chosen);
    EnterCriticalSection(&dbl_lock);
    if (find_device(name) != NULL) dbl_violation("CreateAdapter: %ls exists and would be renamed", name);
    for (int i = 0; i < DBL_ADAPTERS; i++) {
        if (devices[i] == NULL || devices[i]->dead || memcmp(&devices[i]->adapter->guid, &chosen, 16) != 0) continue;
        LeaveCriticalSection(&dbl_lock);
        return fail(ERROR_ALREADY_EXISTS), NULL;
    }
    struct device *device = calloc(1, sizeof *device);
    device->adapter = dbl_add_adapter(name, &chosen);
    for (int i = 0; i < DBL_ADAPTERS; i++) {
        if (devices[i] != NULL) continue;
        devices[i] = device;
        break;
    }
    was_created = 1;
    LeaveCriticalSection(&dbl_lock);
    log_line(0, L"Created adapter %ls", name);
    succeed();
    return make_handle(device, 1);
}

EXPORT struct handle *WINAPI WireGuardOpenAdapter(const wchar_t *name)
{
    int code;
    dbl_called("WireGuardOpenAdapter", ",\"name\":\"%ls\"", name);
    if (!check_name(name, "OpenAdapter")) return NULL;
    if (dbl_rule("open", &code)) return fail(code), NULL;
    EnterCriticalSection(&dbl_lock);
    struct device *device = find_device(name);
    LeaveCriticalSection(&dbl_lock);
    if (device == NULL) return fail(ERROR_NOT_FOUND), NULL;
    succeed();
    return make_handle(device, 0);
}

static void stop_logging(struct device *device)
{
    HANDLE thread = device->log_thread;
    if (thread == NULL) return;
    SetEvent(device->log_stop);
    if (WaitForSingleObject(thread, DBL_JOIN_MS) != WAIT_OBJECT_0) {
        dbl_violation("deadlock: the log thread was joined by the thread that must run its callback");
    }
    CloseHandle(thread);
    device->log_thread = NULL;
    device->log_state = 0;
}

EXPORT void WINAPI WireGuardCloseAdapter(struct handle *handle)
{
    dbl_called("WireGuardCloseAdapter", "");
    if (handle == NULL) return;
    struct device *device = device_of(handle, "CloseAdapter");
    if (device == NULL) return;
    handle->magic = FREED;
    InterlockedDecrement(&dbl_live_count);
    if (!handle->created) return;
    stop_logging(device);
    log_line(0, L"Removing adapter %ls", device->adapter->name);
    EnterCriticalSection(&dbl_lock);
    for (int i = 0; i < DBL_ADAPTERS; i++) if (devices[i] == device) devices[i] = NULL;
    if (!device->dead) device->adapter->live = 0;
    device->dead = 1;
    device->up = 0;
    remove_peers(device);
    LeaveCriticalSection(&dbl_lock);
}

EXPORT BOOL WINAPI WireGuardDeleteDriver(void)
{
    dbl_called("WireGuardDeleteDriver", "");
    dbl_violation("DeleteDriver: other programs may use the driver");
    return fail(ERROR_ACCESS_DENIED);
}

EXPORT void WINAPI WireGuardGetAdapterLUID(struct handle *handle, uint64_t *luid)
{
    dbl_called("WireGuardGetAdapterLUID", "");
    struct device *device = device_of(handle, "GetAdapterLUID");
    if (device != NULL) *luid = device->adapter->luid;
    SetLastError(DBL_CANARY);
}

EXPORT DWORD WINAPI WireGuardGetRunningDriverVersion(void)
{
    dbl_called("WireGuardGetRunningDriverVersion", "");
    if (!was_created) return fail(ERROR_FILE_NOT_FOUND), 0;
    succeed();
    return (DWORD)dbl_value("version", 0x00010001);
}

EXPORT void WINAPI WireGuardSetLogger(logger_callback callback)
{
    dbl_called("WireGuardSetLogger", ",\"on\":%d", callback != NULL);
    InterlockedExchangePointer((PVOID volatile *)&logger, (PVOID)callback);
    SetLastError(DBL_CANARY);
}

static DWORD WINAPI write_log(void *argument)
{
    struct device *device = argument;
    int rate = dbl_value("lograte", 10);
    int with_index = device->log_state == 2;
    uint32_t index = device->adapter->index;
    for (uint32_t n = 0; WaitForSingleObject(device->log_stop, 1000 / rate) == WAIT_TIMEOUT; n++) {
        if (with_index) log_line(n % 10 == 9 ? 1 : 0, L"%u: Sending keepalive packet to peer 1 (%u)", index, n);
        else log_line(0, L"Sending keepalive packet to peer 1 (%u)", n);
    }
    /* As the driver does when the interface goes down. */
    if (with_index) log_line(0, L"%u: Interface destroyed", index);
    else log_line(0, L"Interface destroyed");
    CloseHandle(device->log_stop);
    InterlockedDecrement(&dbl_live_count);
    return 0;
}

EXPORT BOOL WINAPI WireGuardSetAdapterLogging(struct handle *handle, uint32_t state)
{
    dbl_called("WireGuardSetAdapterLogging", ",\"state\":%u", state);
    struct device *device = living(handle, "SetAdapterLogging");
    if (device == NULL) return FALSE;
    int code;
    if (dbl_rule("logging", &code)) return fail(code);
    if (state > 2) return fail(ERROR_INVALID_PARAMETER);
    stop_logging(device);
    if (state != 0) {
        device->log_state = state;
        device->log_stop = CreateEventW(NULL, TRUE, FALSE, NULL);
        InterlockedIncrement(&dbl_live_count);
        device->log_thread = CreateThread(NULL, 0, write_log, device, 0, NULL);
    }
    return succeed();
}

EXPORT BOOL WINAPI WireGuardGetAdapterState(struct handle *handle, uint32_t *state)
{
    dbl_called("WireGuardGetAdapterState", "");
    struct device *device = living(handle, "GetAdapterState");
    if (device == NULL) return FALSE;
    *state = (uint32_t)device->up;
    return succeed();
}

static uint16_t free_port(const struct device *device)
{
    for (;;) {
        uint16_t port = (uint16_t)(50000 + InterlockedIncrement(&next_port) % 10000);
        if (!port_taken(device, port)) return port;
    }
}

EXPORT BOOL WINAPI WireGuardSetAdapterState(struct handle *handle, uint32_t state)
{
    int code;
    dbl_called("WireGuardSetAdapterState", ",\"state\":%u", state);
    struct device *device = living(handle, "SetAdapterState");
    if (device == NULL) return FALSE;
    if (state > 1) return fail(ERROR_INVALID_PARAMETER);
    if (state == (uint32_t)device->up) return succeed();
    if (state == 1 && dbl_rule("up", &code)) return fail(code);
    EnterCriticalSection(&dbl_lock);
    int taken = state == 1 && device->port != 0 && port_taken(device, device->port);
    if (!taken && state == 1) device->bound = device->port != 0 ? device->port : free_port(device);
    if (!taken) device->up = device->adapter->up = (int)state;
    LeaveCriticalSection(&dbl_lock);
    if (taken) return fail(ERROR_DUP_NAME); /* what STATUS_ADDRESS_ALREADY_EXISTS becomes */
    log_line(0, L"%u: Interface %ls", device->adapter->index, state == 1 ? L"up" : L"down");
    return succeed();
}

/* The bytes before anything of them takes effect. */
static int check_configuration(const uint8_t *bytes, uint32_t size)
{
    uint32_t at = 80, peers;
    if (size < 80) return dbl_violation("SetConfiguration: %u bytes", size), 0;
    if (get32(bytes) & ~0xFu) return dbl_violation("SetConfiguration: interface flags %x", get32(bytes)), 0;
    if (!is_zero(bytes + 70, 2) || !is_zero(bytes + 76, 4)) return dbl_violation("SetConfiguration: interface padding"), 0;
    peers = get32(bytes + 72);
    for (uint32_t n = 0; n < peers; n++) {
        const uint8_t *peer = bytes + at;
        if (size - at < 136) return dbl_violation("SetConfiguration: peer %u beyond the end", n), 0;
        uint32_t flags = get32(peer);
        if (flags & ~0xEFu) return dbl_violation("SetConfiguration: peer flags %x", flags), 0;
        if (!(flags & 1)) return dbl_violation("SetConfiguration: peer %u without a public key", n), 0;
        if (get32(peer + 4) != 0 || !is_zero(peer + 74, 2) || !is_zero(peer + 132, 4)) {
            return dbl_violation("SetConfiguration: padding of peer %u", n), 0;
        }
        uint16_t family = get16(peer + 76);
        if ((flags & 8) && ((family != 2 && family != 23) || get16(peer + 78) == 0)) {
            return dbl_violation("SetConfiguration: endpoint of peer %u", n), 0;
        }
        uint32_t count = get32(peer + 128);
        if ((size - at - 136) / 24 < count) return dbl_violation("SetConfiguration: allowed IPs beyond the end"), 0;
        at += 136;
        for (uint32_t i = 0; i < count; i++, at += 24) {
            const uint8_t *ip = bytes + at;
            uint16_t ip_family = get16(ip + 16);
            if (ip_family != 2 && ip_family != 23) return dbl_violation("SetConfiguration: family %u", ip_family), 0;
            if (ip[18] > (ip_family == 2 ? 32 : 128)) return dbl_violation("SetConfiguration: cidr %u", ip[18]), 0;
            if (ip[19] != 0 || get32(ip + 20) > 1) return dbl_violation("SetConfiguration: padding of an allowed IP"), 0;
            if (ip_family == 2 && !is_zero(ip + 4, 12)) return dbl_violation("SetConfiguration: IPv4 bytes"), 0;
        }
    }
    if (at != size) return dbl_violation("SetConfiguration: %u bytes too many", size - at), 0;
    return 1;
}

static void set_allowed_ip(struct device *device, struct peer *peer, const uint8_t *bytes, int can_remove)
{
    struct allowed_ip ip = {0};
    memcpy(ip.address, bytes, 16);
    ip.family = get16(bytes + 16);
    ip.cidr = bytes[18];
    for (int i = 0; i < 16; i++) {
        int keep = ip.cidr - i * 8;
        ip.address[i] &= keep >= 8 ? 0xFF : keep <= 0 ? 0 : (uint8_t)(0xFF00 >> keep);
    }
    if (can_remove && get32(bytes + 20) == 1) take(peer, &ip);
    else give(device, peer, &ip);
}

static int set_peer(struct device *device, const uint8_t *record, int can_remove)
{
    uint32_t flags = get32(record);
    struct peer *peer = find_peer(device, record + 8);
    if (device->has_key && memcmp(record + 8, device->public_key, 32) == 0) return 1;
    if (peer == NULL && (flags & (0x40 | 0x80))) return 1;
    if (flags & 0x40) return remove_peer(device, peer), 1;
    if (peer == NULL) peer = add_peer(device, record + 8);
    if (flags & 2) memcpy(peer->preshared_key, record + 40, 32);
    if (flags & 4) peer->keepalive = get16(record + 72);
    if (flags & 8) memcpy(peer->endpoint, record + 76, 28);
    if (flags & 0x20) peer->count = 0;
    for (uint32_t i = 0; i < get32(record + 128); i++) set_allowed_ip(device, peer, record + 136 + 24 * i, can_remove);
    return 1;
}

static DWORD set_configuration(struct device *device, const uint8_t *bytes)
{
    uint32_t flags = get32(bytes), peers = get32(bytes + 72);
    int failing = dbl_value("set-peer", 0);
    if (flags & 4) {
        uint16_t port = get16(bytes + 4);
        if (device->up && port != device->bound) {
            if (port != 0 && port_taken(device, port)) return 52;
            device->bound = port != 0 ? port : free_port(device);
        }
        device->port = port;
    }
    if (flags & 8) remove_peers(device);
    if (flags & 2) {
        memcpy(device->private_key, bytes + 6, 32);
        device->has_key = !is_zero(device->private_key, 32);
        device->private_key[0] &= 248;
        device->private_key[31] = (device->private_key[31] & 127) | 64;
        if (device->has_key) {
            public_of(device->public_key, device->private_key);
            struct peer *self = find_peer(device, device->public_key);
            if (self != NULL) remove_peer(device, self);
        }
    }
    int can_remove = (dbl_value("version", 0x00010001)) >= 0x0B;
    uint32_t at = 80;
    for (uint32_t n = 0; n < peers; n++) {
        if (failing == (int)n + 1) return ERROR_NOT_ENOUGH_MEMORY;
        set_peer(device, bytes + at, can_remove);
        at += 136 + 24 * get32(bytes + at + 128);
    }
    return 0;
}

EXPORT BOOL WINAPI WireGuardSetConfiguration(struct handle *handle, const uint8_t *bytes, DWORD size)
{
    int code;
    dbl_called("WireGuardSetConfiguration", ",\"bytes\":%lu", size);
    struct device *device = living(handle, "SetConfiguration");
    if (device == NULL) return FALSE;
    if (dbl_rule("set", &code)) return fail(code);
    if (!check_configuration(bytes, size)) return fail(ERROR_INVALID_PARAMETER);
    EnterCriticalSection(&dbl_lock);
    DWORD result = set_configuration(device, bytes);
    LeaveCriticalSection(&dbl_lock);
    return result == 0 ? succeed() : fail(result);
}

static uint32_t configuration_bytes(const struct device *device)
{
    uint32_t size = 80;
    for (uint32_t i = 0; i < device->count; i++) size += 136 + 24 * device->peers[i]->count;
    return size;
}

static void write_configuration(const struct device *device, uint8_t *out)
{
    uint16_t port = device->up ? device->bound : device->port;
    memset(out, 0, configuration_bytes(device));
    put32(out, (device->has_key ? 3 : 0) | (port != 0 ? 4 : 0));
    put16(out + 4, port);
    if (device->has_key) {
        memcpy(out + 6, device->private_key, 32);
        memcpy(out + 38, device->public_key, 32);
    }
    put32(out + 72, device->count);
    out += 80;
    for (uint32_t i = 0; i < device->count; i++) {
        const struct peer *peer = device->peers[i];
        int has_psk = !is_zero(peer->preshared_key, 32), has_endpoint = get16(peer->endpoint) != 0;
        put32(out, 1 | 4 | (has_psk ? 2 : 0) | (has_endpoint ? 8 : 0));
        put32(out + 4, 1);
        memcpy(out + 8, peer->public_key, 32);
        memcpy(out + 40, peer->preshared_key, 32);
        put16(out + 72, peer->keepalive);
        memcpy(out + 76, peer->endpoint, 28);
        put64(out + 104, peer->tx);
        put64(out + 112, peer->rx);
        put64(out + 120, peer->handshake);
        put32(out + 128, peer->count);
        out += 136;
        for (uint32_t n = 0; n < peer->count; n++, out += 24) {
            memcpy(out, peer->allowed[n].address, 16);
            put16(out + 16, peer->allowed[n].family);
            out[18] = peer->allowed[n].cidr;
        }
    }
}

EXPORT BOOL WINAPI WireGuardGetConfiguration(struct handle *handle, uint8_t *bytes, DWORD *size)
{
    int code;
    dbl_called("WireGuardGetConfiguration", ",\"bytes\":%lu", *size);
    struct device *device = living(handle, "GetConfiguration");
    if (device == NULL) return FALSE;
    if (dbl_rule("get", &code)) return fail(code);
    EnterCriticalSection(&dbl_lock);
    if (configuration_bytes(device) <= *size && dbl_rule("grow", NULL)) {
        while (configuration_bytes(device) <= *size) {
            uint8_t key[32] = {0xAD, 0xDE};
            put32(key + 4, device->count);
            add_peer(device, key);
        }
    }
    uint32_t needed = configuration_bytes(device), room = *size;
    *size = needed;
    if (needed <= room) write_configuration(device, bytes);
    /* Half of an answer, which must not be read. */
    else if (bytes != NULL) memset(bytes, 0xEE, room);
    LeaveCriticalSection(&dbl_lock);
    return needed <= room ? succeed() : fail(ERROR_MORE_DATA);
}

/* ---- for the test */

/* The adapter vanishes, as when somebody removes the device. */
EXPORT BOOL DblKill(const wchar_t *name)
{
    EnterCriticalSection(&dbl_lock);
    struct device *device = find_device(name);
    if (device != NULL) device->dead = 1, device->up = 0, device->adapter->live = 0;
    LeaveCriticalSection(&dbl_lock);
    return device != NULL;
}

/* 0 or 1; -1 when there is no such adapter. */
EXPORT int32_t DblIsUp(const wchar_t *name)
{
    EnterCriticalSection(&dbl_lock);
    struct device *device = find_device(name);
    int32_t up = device == NULL ? -1 : device->up;
    LeaveCriticalSection(&dbl_lock);
    return up;
}

EXPORT uint32_t DblAdapters(void)
{
    uint32_t count = 0;
    for (int i = 0; i < DBL_ADAPTERS; i++) if (devices[i] != NULL) count++;
    return count;
}

/* What a peer would have done: counters, and a handshake at this FILETIME. */
EXPORT BOOL DblTraffic(const wchar_t *name, uint32_t peer, uint64_t rx, uint64_t tx, uint64_t handshake)
{
    struct device *device = find_device(name);
    if (device == NULL || peer >= device->count) return FALSE;
    device->peers[peer]->rx = rx;
    device->peers[peer]->tx = tx;
    device->peers[peer]->handshake = handshake;
    return TRUE;
}

BOOL WINAPI DllMain(HINSTANCE module, DWORD reason, LPVOID reserved)
{
    (void)module;
    (void)reserved;
    if (reason == DLL_PROCESS_ATTACH) dbl_load();
    return TRUE;
}
