/*
 * A stand-in for wintun.dll: all 14 functions over rings in memory, laid out as the driver's. NOT Wintun: it installs
 * nothing, makes no network interface, and must never be loaded but by a test.
 *
 * Rules: create=CODE, create-delay=MS, open=CODE, start=CODE, hold=1 (nobody empties the ring to the system),
 * discard=1 (packets to the system are counted and checked for their order, but not kept), lograte=HZ (lines from a
 * thread of the DLL's own, from the first logger on), relay=PORT (the system is a program behind a UDP port of the
 * loopback: packets go to it and come from it, one in a datagram).
 *
 * Else the test is the system: DblInject and its kin put packets into the ring to the application, DblTake gives back what
 * the application sent.
 */
#include "double.h"
#include "logger.h"
#include <objbase.h>


#define ADAPTER_MAGIC 0x57544144u
#define SESSION_MAGIC 0x57545345u
#define FREED 0xFEEEFEEEu
#define MIN_CAPACITY 0x20000u
#define MAX_CAPACITY 0x4000000u
#define MAX_PACKET 0xFFFFu
#define POISON 0xFFFFFFFFu
#define RING_HEADER 12
#define RING_BYTES(capacity) ((SIZE_T)RING_HEADER + (capacity) + 0x10000)
#define RECORD_BYTES(size) (((size) + 4u + 3u) & ~3u)

struct ring { volatile ULONG head, tail; volatile LONG alertable; uint8_t data[]; };
/* A packet the application holds: `at` is where its record begins. */
struct piece { uint32_t at, size; int done; };
/* Pieces in ring order. Every record has at least 8 bytes, which bounds them. */
struct pieces { struct piece *list; uint32_t first, count, room; };

struct adapter;
struct session {
    uint32_t magic;
    struct adapter *adapter;
    uint32_t capacity;
    struct ring *to_app, *to_system;
    uint32_t next_read, next_write;
    struct pieces reading, writing;
    HANDLE event;
    volatile LONG inside;
    CRITICAL_SECTION lock;
};
struct device { struct dbl_adapter *entry; struct session *session; int gone; };
struct adapter { uint32_t magic; int created; struct device *device; };

/* Packets the application sent, in order. */
struct sent { struct sent *next; uint32_t size; uint8_t bytes[]; };

static struct device *devices[DBL_ADAPTERS];
static struct device *current;
static int was_created;
static CRITICAL_SECTION sent_lock, relay_lock;
static SOCKET relay = INVALID_SOCKET;
static struct sent *sent_first, **sent_last = &sent_first;
static volatile LONG64 sent_count, sent_out_of_order, discarded_junk, overflows;
static uint64_t expected_sequence;
static volatile LONG leaks, holding, discarding, creates;

static void *fail(DWORD code)
{
    SetLastError(code);
    return NULL;
}

static int readable(const void *memory, SIZE_T size)
{
    MEMORY_BASIC_INFORMATION info;
    if (memory == NULL || VirtualQuery(memory, &info, sizeof info) == 0 || info.State != MEM_COMMIT) return 0;
    return (uint8_t *)info.BaseAddress + info.RegionSize >= (const uint8_t *)memory + size;
}

/* Every handle there ever was: none is freed, so that one that is used too long is known for what it is. */
#define KNOWN 4096
static const void *known[KNOWN];
static volatile LONG known_count;

static void *remember(void *handle)
{
    LONG index = InterlockedIncrement(&known_count) - 1;
    if (index < KNOWN) known[index] = handle;
    else dbl_violation("more handles than this stand-in can count");
    return handle;
}

static int is_known(const void *handle)
{
    for (LONG i = known_count; i-- > 0;) if (known[i] == handle) return 1;
    return 0;
}

static int is_adapter(struct adapter *adapter, const char *who)
{
    if (is_known(adapter) && adapter->magic == ADAPTER_MAGIC) return 1;
    dbl_violation("%s: no adapter, or one that was closed", who);
    return 0;
}

static int is_session(struct session *session, const char *who)
{
    if (is_known(session) && session->magic == SESSION_MAGIC) return 1;
    dbl_violation("%s: no session, or one that has ended", who);
    return 0;
}

/* Characters before the NUL, which must be among the first 128. */
static int text_length(const wchar_t *text, const char *who)
{
    if (text == NULL) {
        dbl_violation("%s: a text is NULL", who);
        return -1;
    }
    for (int i = 0; i < 128; i++) if (text[i] == 0) return i;
    return -1;
}

static DWORD WINAPI sweep(void *unused)
{
    (void)unused;
    Sleep(25);
    log_line(0, L"Removed no orphaned adapters");
    return 0;
}

static void sweep_later(void)
{
    QueueUserWorkItem(sweep, NULL, WT_EXECUTELONGFUNCTION);
}

static struct adapter *new_handle(struct device *device, int created)
{
    struct adapter *adapter = remember(calloc(1, sizeof *adapter));
    adapter->magic = ADAPTER_MAGIC;
    adapter->created = created;
    adapter->device = device;
    InterlockedIncrement(&dbl_live_count);
    return adapter;
}

EXPORT struct adapter *WINAPI WintunCreateAdapter(const wchar_t *name, const wchar_t *type, const GUID *guid)
{
    int code;
    dbl_called("WintunCreateAdapter", "");
    InterlockedIncrement(&creates);
    int name_length = text_length(name, "WintunCreateAdapter"), type_length = text_length(type, "WintunCreateAdapter");
    if (guid != NULL && !readable(guid, sizeof *guid)) dbl_violation("WintunCreateAdapter: the GUID cannot be read");
    Sleep((DWORD)dbl_value("create-delay", 0));
    if (name_length < 0 || type_length < 0) return fail(ERROR_BUFFER_OVERFLOW);
    if (name_length == 0) return fail(ERROR_INVALID_PARAMETER);
    if (dbl_rule("create", &code)) {
        log_line(2, L"Failed to setup adapter (problem code: 0x1F, ntstatus: 0xC0000035)");
        return fail((DWORD)code);
    }
    GUID own;
    if (guid == NULL) CoCreateGuid(&own);
    else own = *guid;
    for (int i = 0; i < DBL_ADAPTERS; i++) {
        if (devices[i] != NULL && IsEqualGUID(&devices[i]->entry->guid, &own)) return fail(ERROR_ALREADY_EXISTS);
    }
    log_line(0, L"Using existing driver 0.14");
    log_line(0, L"Creating adapter");
    int slot = 0;
    while (slot < DBL_ADAPTERS && devices[slot] != NULL) slot++;
    struct dbl_adapter *entry = slot < DBL_ADAPTERS ? dbl_add_adapter(name, &own) : NULL;
    if (entry == NULL) return fail(ERROR_NO_SYSTEM_RESOURCES);
    struct device *device = calloc(1, sizeof *device);
    device->entry = entry;
    devices[slot] = current = device;
    was_created = 1;
    log_line(0, L"Created adapter %ls", name);
    sweep_later();
    SetLastError(DBL_CANARY);
    return new_handle(device, 1);
}

EXPORT struct adapter *WINAPI WintunOpenAdapter(const wchar_t *name)
{
    int code;
    dbl_called("WintunOpenAdapter", "");
    if (text_length(name, "WintunOpenAdapter") < 0) return fail(ERROR_BUFFER_OVERFLOW);
    if (dbl_rule("open", &code)) return fail((DWORD)code);
    for (int i = 0; i < DBL_ADAPTERS; i++) {
        if (devices[i] == NULL || _wcsicmp(devices[i]->entry->name, name) != 0) continue;
        sweep_later();
        SetLastError(DBL_CANARY);
        return new_handle(devices[i], 0);
    }
    log_line(2, L"Failed to find matching adapter name");
    return fail(ERROR_NOT_FOUND);
}

static void poison(struct session *session)
{
    session->to_app->tail = POISON;
    session->to_system->head = POISON;
    SetEvent(session->event);
}

EXPORT void WINAPI WintunCloseAdapter(struct adapter *adapter)
{
    dbl_called("WintunCloseAdapter", "");
    if (adapter == NULL || !is_adapter(adapter, "WintunCloseAdapter")) return;
    struct device *device = adapter->device;
    log_line(0, L"Closing adapter");
    adapter->magic = FREED;
    InterlockedDecrement(&dbl_live_count);
    if (adapter->created) {
        if (device->session != NULL) {
            dbl_violation("WintunCloseAdapter: the session has not ended");
            poison(device->session);
        }
        device->entry->live = 0;
        for (int i = 0; i < DBL_ADAPTERS; i++) if (devices[i] == device) devices[i] = NULL;
        if (current == device) current = NULL;
    }
    sweep_later();
    SetLastError(DBL_CANARY);
}

EXPORT BOOL WINAPI WintunDeleteDriver(void)
{
    dbl_called("WintunDeleteDriver", "");
    for (int i = 0; i < DBL_ADAPTERS; i++) if (devices[i] != NULL) return fail(ERROR_ACCESS_DENIED) != NULL;
    was_created = 0;
    return TRUE;
}

EXPORT void WINAPI WintunGetAdapterLUID(struct adapter *adapter, uint64_t *luid)
{
    dbl_called("WintunGetAdapterLUID", "");
    if (luid == NULL) dbl_violation("WintunGetAdapterLUID: no place for the LUID");
    else if (is_adapter(adapter, "WintunGetAdapterLUID")) *luid = adapter->device->entry->luid;
    SetLastError(DBL_CANARY);
}

EXPORT DWORD WINAPI WintunGetRunningDriverVersion(void)
{
    dbl_called("WintunGetRunningDriverVersion", "");
    if (!was_created) {
        SetLastError(ERROR_FILE_NOT_FOUND);
        return 0;
    }
    SetLastError(DBL_CANARY);
    return 0x0000000E;
}

static void start_relay(void);

static DWORD WINAPI chatter(void *rate)
{
    for (int stop = 0; !stop;) {
        log_line(0, L"A line of the chatter");
        Sleep(1000 / (DWORD)(ULONG_PTR)rate);
    }
    return 0;
}

EXPORT void WINAPI WintunSetLogger(logger_callback callback)
{
    static LONG chattering;
    int rate;
    dbl_called("WintunSetLogger", ",\"set\":%d", callback != NULL);
    InterlockedExchangePointer((void *volatile *)&logger, (void *)callback);
    if (chattering || !dbl_rule("lograte", &rate)) return;
    chattering = 1;
    CloseHandle(CreateThread(NULL, 0, chatter, (void *)(ULONG_PTR)rate, 0, NULL));
}

EXPORT struct session *WINAPI WintunStartSession(struct adapter *adapter, DWORD capacity)
{
    int code;
    dbl_called("WintunStartSession", ",\"capacity\":%lu", capacity);
    if (!is_adapter(adapter, "WintunStartSession")) return fail(ERROR_INVALID_HANDLE);
    if (dbl_rule("start", &code)) return fail((DWORD)code);
    if (capacity < MIN_CAPACITY || capacity > MAX_CAPACITY || (capacity & (capacity - 1)) != 0) {
        return fail(ERROR_INVALID_PARAMETER);
    }
    if (adapter->device->gone) return fail(ERROR_NOT_SAME_DEVICE);
    if (adapter->device->session != NULL) return fail(ERROR_ALREADY_INITIALIZED);
    uint8_t *region = VirtualAlloc(NULL, 2 * RING_BYTES(capacity), MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    if (region == NULL) return fail(ERROR_NOT_ENOUGH_MEMORY);
    struct session *session = remember(calloc(1, sizeof *session));
    session->magic = SESSION_MAGIC;
    session->adapter = adapter;
    session->capacity = capacity;
    session->to_app = (struct ring *)region;
    session->to_system = (struct ring *)(region + RING_BYTES(capacity));
    session->reading.room = session->writing.room = capacity / 8;
    session->reading.list = malloc(sizeof(struct piece) * (capacity / 8));
    session->writing.list = malloc(sizeof(struct piece) * (capacity / 8));
    session->event = CreateEventW(NULL, FALSE, FALSE, NULL);
    InitializeCriticalSectionAndSpinCount(&session->lock, 0x10000);
    adapter->device->session = session;
    current = adapter->device;
    start_relay();
    InterlockedIncrement(&dbl_live_count);
    SetLastError(DBL_CANARY);
    return session;
}

EXPORT void WINAPI WintunEndSession(struct session *session)
{
    dbl_called("WintunEndSession", "");
    if (!is_session(session, "WintunEndSession")) return;
    if (session->inside != 0) dbl_violation("WintunEndSession: a thread is inside another call");
    InterlockedExchangeAdd(&leaks, (LONG)(session->reading.count + session->writing.count));
    session->magic = FREED;
    EnterCriticalSection(&relay_lock);
    session->adapter->device->session = NULL;
    LeaveCriticalSection(&relay_lock);
    InterlockedDecrement(&dbl_live_count);
    CloseHandle(session->event);
    /* The addresses stay taken: whoever reads or writes there from now on crashes. */
    VirtualFree(session->to_app, 2 * RING_BYTES(session->capacity), MEM_DECOMMIT);
    free(session->reading.list);
    free(session->writing.list);
    SetLastError(DBL_CANARY);
}

EXPORT HANDLE WINAPI WintunGetReadWaitEvent(struct session *session)
{
    dbl_called("WintunGetReadWaitEvent", "");
    return is_session(session, "WintunGetReadWaitEvent") ? session->event : NULL;
}

static struct piece *piece_at(struct pieces *pieces, uint32_t index)
{
    return &pieces->list[(pieces->first + index) % pieces->room];
}

static void add_piece(struct pieces *pieces, uint32_t at, uint32_t size)
{
    struct piece *piece = piece_at(pieces, pieces->count++);
    piece->at = at;
    piece->size = size;
    piece->done = 0;
}

/* Marks the piece whose packet is at `packet`. Mostly it is the first. */
static int finish(struct pieces *pieces, const struct ring *ring, const uint8_t *packet, const char *who)
{
    for (uint32_t i = 0; i < pieces->count; i++) {
        struct piece *piece = piece_at(pieces, i);
        if (ring->data + piece->at + 4 != packet) continue;
        if (piece->done) dbl_violation("%s: the same packet twice", who);
        piece->done = 1;
        return 1;
    }
    dbl_violation("%s: a foreign pointer", who);
    return 0;
}

static uint32_t after(const struct session *session, const struct piece *piece)
{
    return (piece->at + RECORD_BYTES(piece->size)) & (session->capacity - 1);
}

EXPORT uint8_t *WINAPI WintunReceivePacket(struct session *session, DWORD *size)
{
    DWORD code = ERROR_SUCCESS;
    uint8_t *packet = NULL;
    if (!is_session(session, "WintunReceivePacket")) return fail(ERROR_HANDLE_EOF);
    if (size == NULL) {
        dbl_violation("WintunReceivePacket: no place for the size");
        return fail(ERROR_INVALID_PARAMETER);
    }
    InterlockedIncrement(&session->inside);
    EnterCriticalSection(&session->lock);
    uint32_t tail = session->to_app->tail;
    if (tail >= session->capacity) code = ERROR_HANDLE_EOF;
    else if (session->next_read == tail) code = ERROR_NO_MORE_ITEMS;
    else {
        uint32_t at = session->next_read, bytes;
        uint32_t content = (tail - at) & (session->capacity - 1);
        memcpy(&bytes, session->to_app->data + at, 4);
        if (bytes > MAX_PACKET || RECORD_BYTES(bytes) > content) code = ERROR_INVALID_DATA;
        else {
            add_piece(&session->reading, at, bytes);
            session->next_read = (at + RECORD_BYTES(bytes)) & (session->capacity - 1);
            packet = session->to_app->data + at + 4;
            *size = bytes;
        }
    }
    LeaveCriticalSection(&session->lock);
    InterlockedDecrement(&session->inside);
    SetLastError(packet != NULL ? DBL_CANARY : code);
    return packet;
}

EXPORT void WINAPI WintunReleaseReceivePacket(struct session *session, const uint8_t *packet)
{
    if (!is_session(session, "WintunReleaseReceivePacket")) return;
    EnterCriticalSection(&session->lock);
    struct pieces *pieces = &session->reading;
    if (finish(pieces, session->to_app, packet, "WintunReleaseReceivePacket")) {
        while (pieces->count > 0 && piece_at(pieces, 0)->done) {
            uint32_t head = after(session, piece_at(pieces, 0));
            if (session->to_app->head < session->capacity) session->to_app->head = head;
            pieces->first = (pieces->first + 1) % pieces->room;
            pieces->count--;
        }
    }
    LeaveCriticalSection(&session->lock);
    SetLastError(DBL_CANARY);
}

EXPORT uint8_t *WINAPI WintunAllocateSendPacket(struct session *session, DWORD size)
{
    DWORD code = ERROR_SUCCESS;
    uint8_t *packet = NULL;
    if (!is_session(session, "WintunAllocateSendPacket")) return fail(ERROR_HANDLE_EOF);
    if (size == 0 || size > MAX_PACKET) {
        dbl_violation("WintunAllocateSendPacket: %lu bytes", size);
        poison(session);
        return fail(ERROR_HANDLE_EOF);
    }
    InterlockedIncrement(&session->inside);
    EnterCriticalSection(&session->lock);
    uint32_t head = session->to_system->head;
    uint32_t space = (head - session->next_write - 4) & (session->capacity - 1);
    if (head >= session->capacity) code = ERROR_HANDLE_EOF;
    else if (RECORD_BYTES(size) > space) code = ERROR_BUFFER_OVERFLOW;
    else {
        uint32_t at = session->next_write;
        memcpy(session->to_system->data + at, &size, 4);
        packet = session->to_system->data + at + 4;
        memset(packet, 0xA5, size);
        add_piece(&session->writing, at, size);
        session->next_write = (at + RECORD_BYTES(size)) & (session->capacity - 1);
    }
    LeaveCriticalSection(&session->lock);
    InterlockedDecrement(&session->inside);
    SetLastError(packet != NULL ? DBL_CANARY : code);
    return packet;
}

/* Where the sequence number of a test packet is: behind the header. */
static uint64_t sequence_of(const uint8_t *packet)
{
    uint64_t sequence;
    memcpy(&sequence, packet + 20, 8);
    return sequence;
}

/* The system gets a packet, unless it is none. */
static void deliver(const uint8_t *packet, uint32_t size)
{
    int is_v4 = size >= 20 && packet[0] >> 4 == 4, is_v6 = size >= 40 && packet[0] >> 4 == 6;
    if (!is_v4 && !is_v6) {
        InterlockedIncrement64(&discarded_junk);
        return;
    }
    InterlockedIncrement64(&sent_count);
    if (relay != INVALID_SOCKET) {
        send(relay, (const char *)packet, (int)size, 0);
        return;
    }
    if (discarding) {
        if (size < 28 || sequence_of(packet) != expected_sequence) InterlockedIncrement64(&sent_out_of_order);
        expected_sequence = size < 28 ? 0 : sequence_of(packet) + 1;
        return;
    }
    struct sent *sent = malloc(sizeof *sent + size);
    sent->next = NULL;
    sent->size = size;
    memcpy(sent->bytes, packet, size);
    EnterCriticalSection(&sent_lock);
    *sent_last = sent;
    sent_last = &sent->next;
    LeaveCriticalSection(&sent_lock);
}

/* Empties the ring to the system. The session's lock is held. */
static void consume(struct session *session)
{
    struct ring *ring = session->to_system;
    if (holding || ring->head >= session->capacity) return;
    while (ring->head != ring->tail) {
        uint32_t size;
        memcpy(&size, ring->data + ring->head, 4);
        deliver(ring->data + ring->head + 4, size);
        ring->head = (ring->head + RECORD_BYTES(size)) & (session->capacity - 1);
    }
}

EXPORT void WINAPI WintunSendPacket(struct session *session, const uint8_t *packet)
{
    if (!is_session(session, "WintunSendPacket")) return;
    EnterCriticalSection(&session->lock);
    struct pieces *pieces = &session->writing;
    if (finish(pieces, session->to_system, packet, "WintunSendPacket")) {
        while (pieces->count > 0 && piece_at(pieces, 0)->done) {
            session->to_system->tail = after(session, piece_at(pieces, 0));
            pieces->first = (pieces->first + 1) % pieces->room;
            pieces->count--;
        }
        consume(session);
    }
    LeaveCriticalSection(&session->lock);
    SetLastError(DBL_CANARY);
}

/* ---- The system's side. Of several adapters the last one with a session. */

static struct session *live_session(void)
{
    struct device *device = current;
    return device == NULL ? NULL : device->session;
}

/* The adapter of this name is meant from now on. 0 when there is none. */
EXPORT int DblChoose(const wchar_t *name)
{
    for (int i = 0; i < DBL_ADAPTERS; i++) {
        if (devices[i] == NULL || _wcsicmp(devices[i]->entry->name, name) != 0) continue;
        current = devices[i];
        return 1;
    }
    return 0;
}

/* Puts a record into the ring to the application. Returns 0 when it is full: the driver drops and counts. */
static int put(struct session *session, const uint8_t *packet, uint32_t size, uint32_t claimed)
{
    struct ring *ring = session->to_app;
    uint32_t head = ring->head, tail = ring->tail;
    if (tail >= session->capacity || head >= session->capacity) return 0;
    if (RECORD_BYTES(size) > ((head - tail - 4) & (session->capacity - 1))) return 0;
    memcpy(ring->data + tail, &claimed, 4);
    memcpy(ring->data + tail + 4, packet, size);
    MemoryBarrier();
    ring->tail = (tail + RECORD_BYTES(size)) & (session->capacity - 1);
    return 1;
}

EXPORT int DblInject(const uint8_t *packet, uint32_t size, int signal)
{
    struct session *session = live_session();
    if (session == NULL) return 0;
    int done = put(session, packet, size, size);
    if (!done) InterlockedIncrement64(&overflows);
    if (signal) SetEvent(session->event);
    return done;
}

static DWORD WINAPI take_from_relay(void *unused)
{
    static uint8_t packet[MAX_PACKET];
    (void)unused;
    while (relay != INVALID_SOCKET) {
        int size = recv(relay, (char *)packet, sizeof packet, 0);
        if (size <= 0) continue;
        EnterCriticalSection(&relay_lock);
        DblInject(packet, (uint32_t)size, 1);
        LeaveCriticalSection(&relay_lock);
    }
    return 0;
}

/* Says hello with an empty datagram, by which the other end learns the port of this one. */
static void start_relay(void)
{
    WSADATA data;
    int port = dbl_value("relay", 0), room = 4 << 20;
    if (port == 0 || relay != INVALID_SOCKET || WSAStartup(MAKEWORD(2, 2), &data) != 0) return;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((u_short)port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    SOCKET made = socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP);
    setsockopt(made, SOL_SOCKET, SO_RCVBUF, (const char *)&room, sizeof room);
    if (connect(made, (struct sockaddr *)&to, sizeof to) != 0) return;
    relay = made;
    send(relay, "", 0, 0);
    CloseHandle(CreateThread(NULL, 0, take_from_relay, NULL, 0, NULL));
}

static void test_packet(uint8_t *packet, uint32_t size, uint64_t sequence)
{
    memset(packet, 0, 20);
    packet[0] = 0x45;
    packet[2] = (uint8_t)(size >> 8);
    packet[3] = (uint8_t)size;
    packet[8] = 64;
    packet[9] = 253;
    memcpy(packet + 12, "\x0a\x42\x00\x01\x0a\x42\x00\x02", 8);
    memcpy(packet + 20, &sequence, 8);
}

/* `count` numbered packets, then one signal. Returns how many had room. */
EXPORT uint32_t DblBurst(uint32_t count, uint32_t size, uint64_t first)
{
    static uint8_t packet[MAX_PACKET];
    struct session *session = live_session();
    uint32_t done = 0;
    if (session == NULL || size < 28 || size > MAX_PACKET) return 0;
    while (done < count) {
        test_packet(packet, size, first + done);
        if (!put(session, packet, size, size)) break;
        done++;
    }
    SetEvent(session->event);
    return done;
}

struct stream { struct device *device; uint64_t count; uint32_t size; };
static volatile LONG streaming;

static DWORD WINAPI stream_packets(void *argument)
{
    struct stream *stream = argument;
    uint8_t *packet = malloc(MAX_PACKET);
    for (uint64_t i = 0; i < stream->count && streaming; i++) {
        struct session *session = stream->device->session;
        if (session == NULL) break;
        test_packet(packet, stream->size, i);
        while (streaming && !put(session, packet, stream->size, stream->size)) {
            SetEvent(session->event);
            Sleep(0);
        }
        if (i % 64 == 63 || i + 1 == stream->count) SetEvent(session->event);
    }
    free(packet);
    free(stream);
    InterlockedExchange(&streaming, 0);
    return 0;
}

/* The system sends `count` numbered packets from a thread of its own, as fast as the ring of this adapter takes them. */
EXPORT int DblStream(uint64_t count, uint32_t size)
{
    if (current == NULL || InterlockedCompareExchange(&streaming, 1, 0) != 0) return 0;
    struct stream *stream = malloc(sizeof *stream);
    stream->device = current;
    stream->count = count;
    stream->size = size;
    HANDLE thread = CreateThread(NULL, 0, stream_packets, stream, 0, NULL);
    return thread != NULL && CloseHandle(thread);
}

EXPORT void DblStopStream(void) { InterlockedExchange(&streaming, 0); }
EXPORT int DblStreaming(void) { return streaming; }

EXPORT void DblSignal(void)
{
    struct session *session = live_session();
    if (session != NULL) SetEvent(session->event);
}

/* As the driver does when the adapter is removed or disabled. */
EXPORT void DblPoison(void)
{
    struct session *session = live_session();
    if (session == NULL) return;
    current->gone = 1;
    poison(session);
}

/* The next record says more bytes than a packet can have. */
EXPORT void DblCorrupt(void)
{
    struct session *session = live_session();
    uint8_t nothing[64] = {0};
    if (session == NULL) return;
    put(session, nothing, sizeof nothing, MAX_PACKET + 1);
    SetEvent(session->event);
}

/* The next packet the application sent: its size, 0 when there is none. Too long ones are cut. */
EXPORT uint32_t DblTake(uint8_t *buffer, uint32_t room)
{
    EnterCriticalSection(&sent_lock);
    struct sent *sent = sent_first;
    if (sent != NULL) {
        sent_first = sent->next;
        if (sent_first == NULL) sent_last = &sent_first;
    }
    LeaveCriticalSection(&sent_lock);
    if (sent == NULL) return 0;
    uint32_t size = sent->size < room ? sent->size : room;
    memcpy(buffer, sent->bytes, size);
    free(sent);
    return size;
}

/* 1: nobody empties the ring to the system. 0: it is emptied, and from now on. */
EXPORT void DblHold(int on)
{
    struct session *session = live_session();
    InterlockedExchange(&holding, on);
    if (on || session == NULL) return;
    EnterCriticalSection(&session->lock);
    consume(session);
    LeaveCriticalSection(&session->lock);
}

/* 1: packets to the system are only counted, and their sequence numbers checked, which begin at 0. */
EXPORT void DblDiscard(int on)
{
    expected_sequence = 0;
    InterlockedExchange64(&sent_count, 0);
    InterlockedExchange64(&sent_out_of_order, 0);
    InterlockedExchange(&discarding, on);
}

EXPORT uint64_t DblSent(void) { return (uint64_t)sent_count; }
EXPORT uint64_t DblOutOfOrder(void) { return (uint64_t)sent_out_of_order; }
EXPORT uint64_t DblJunk(void) { return (uint64_t)discarded_junk; }
/* Packets the application had not given back or not sent when its session ended. */
EXPORT uint32_t DblLeaks(void) { return (uint32_t)leaks; }

EXPORT uint32_t DblCreates(void) { return (uint32_t)creates; }

EXPORT int DblHas(const wchar_t *name)
{
    for (int i = 0; i < DBL_ADAPTERS; i++) if (devices[i] != NULL && _wcsicmp(devices[i]->entry->name, name) == 0) return 1;
    return 0;
}

BOOL WINAPI DllMain(HINSTANCE instance, DWORD reason, void *reserved)
{
    (void)instance;
    (void)reserved;
    if (reason != DLL_PROCESS_ATTACH) return TRUE;
    dbl_load();
    InitializeCriticalSection(&sent_lock);
    InitializeCriticalSection(&relay_lock);
    holding = dbl_value("hold", 0);
    discarding = dbl_value("discard", 0);
    return TRUE;
}
