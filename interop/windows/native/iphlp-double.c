/*
 * A stand-in for the part of iphlpapi.dll that Wine lacks, over a fake machine: loopback (index 1), a network card (7) with
 * default routes, a second card (8) without, a tunnel that is down (9), and the adapters of the other stand-ins of this
 * process. NOT Windows' iphlpapi: nothing of it reaches a real network.
 *
 * Rules: appear=MS (the TCP/IP interfaces of an adapter come this long after it), no-ipv6=1, address=CODE, route=CODE,
 * delete-route=CODE, interface=CODE, dns=CODE.
 */
#include "double.h"

#define ADDRESSES 256
#define ROUTES 4096
#define FAMILIES 2

struct settings { ULONG mtu, metric; BOOLEAN automatic, managed, other; ULONG dad; int router_discovery; };
struct card {
    uint64_t luid;
    uint32_t index, type;
    const wchar_t *alias;
    GUID guid;
    int up;
    ULONG mtu;
    struct settings settings[FAMILIES];
    char dns[FAMILIES][256], search[FAMILIES][256];
};

#define CARDS 4
static struct card cards[CARDS] = {
    {.luid = 24ull << 48 | 1 << 24, .index = 1, .type = 24, .alias = L"Loopback", .up = 1, .mtu = 65535},
    {.luid = 6ull << 48 | 7 << 24, .index = 7, .type = 6, .alias = L"Ethernet", .up = 1, .mtu = 1500},
    {.luid = 71ull << 48 | 8 << 24, .index = 8, .type = 71, .alias = L"Wi-Fi", .up = 1, .mtu = 1400},
    {.luid = 53ull << 48 | 9 << 24, .index = 9, .type = 53, .alias = L"old tunnel", .up = 0, .mtu = 1420},
};
static struct card tunnels[DBL_ADAPTERS];
static MIB_UNICASTIPADDRESS_ROW addresses[ADDRESSES];
static MIB_IPFORWARD_ROW2 routes[ROUTES];
static ULONG address_count, route_count, orphaned_routes;

static struct settings fresh_settings(ULONG mtu, ULONG metric)
{
    struct settings settings = {mtu, metric, TRUE, TRUE, TRUE, 1, 1};
    return settings;
}

static int family_index(ADDRESS_FAMILY family) { return family == AF_INET6; }

static void drop_of(uint64_t luid)
{
    for (ULONG i = address_count; i-- > 0;) {
        if (addresses[i].InterfaceLuid.Value == luid) addresses[i] = addresses[--address_count];
    }
    for (ULONG i = route_count; i-- > 0;) {
        if (routes[i].InterfaceLuid.Value != luid) continue;
        routes[i] = routes[--route_count];
        orphaned_routes++;
    }
}

/* Brings the model up to date with the adapters of the other stand-ins. */
static void look(void)
{
    struct dbl_machine *machine = dbl_machine();
    for (int i = 0; i < DBL_ADAPTERS; i++) {
        const struct dbl_adapter *adapter = &machine->adapters[i];
        struct card *card = &tunnels[i];
        if (card->luid != 0 && (!adapter->live || adapter->luid != card->luid)) {
            drop_of(card->luid);
            memset(card, 0, sizeof *card);
        }
        if (!adapter->live) continue;
        if (card->luid == 0) {
            card->luid = adapter->luid;
            card->index = adapter->index;
            card->type = 53;
            card->alias = adapter->name;
            card->guid = adapter->guid;
            card->mtu = 65535;
            for (int f = 0; f < FAMILIES; f++) card->settings[f] = fresh_settings(65535, 5);
        }
        card->up = adapter->up;
    }
}

static struct card *each_card(int i)
{
    if (i < CARDS) return &cards[i];
    return i < CARDS + DBL_ADAPTERS && tunnels[i - CARDS].luid != 0 ? &tunnels[i - CARDS] : NULL;
}

/* By LUID, or by index when that is 0. */
static struct card *find_card(const NET_LUID *luid, NET_IFINDEX index)
{
    look();
    for (int i = 0; i < CARDS + DBL_ADAPTERS; i++) {
        struct card *card = each_card(i);
        if (card == NULL) continue;
        if (luid != NULL && luid->Value != 0 ? card->luid == luid->Value : card->index == index) return card;
    }
    return NULL;
}

/* TCP/IP binds to an adapter some time after it was made, and IPv6 not at all where it is switched off. */
static int is_bound(const struct card *card, ADDRESS_FAMILY family)
{
    if (family != AF_INET && family != AF_INET6) return 0;
    if (family == AF_INET6 && dbl_rule("no-ipv6", NULL)) return 0;
    if (card->index < 20) return 1;
    struct dbl_machine *machine = dbl_machine();
    const struct dbl_adapter *adapter = &machine->adapters[card - tunnels];
    return GetTickCount() - adapter->created >= (DWORD)dbl_value("appear", 0);
}

static int address_bytes(ADDRESS_FAMILY family) { return family == AF_INET ? 4 : 16; }

static const BYTE *bytes_of(const SOCKADDR_INET *address)
{
    return address->si_family == AF_INET ? (const BYTE *)&address->Ipv4.sin_addr : (const BYTE *)&address->Ipv6.sin6_addr;
}

static int same_address(const SOCKADDR_INET *a, const SOCKADDR_INET *b)
{
    return a->si_family == b->si_family && memcmp(bytes_of(a), bytes_of(b), address_bytes(a->si_family)) == 0;
}

static int matches(const SOCKADDR_INET *address, const IP_ADDRESS_PREFIX *prefix)
{
    if (address->si_family != prefix->Prefix.si_family) return 0;
    const BYTE *a = bytes_of(address), *b = bytes_of(&prefix->Prefix);
    for (int bit = 0; bit < prefix->PrefixLength; bit++) {
        if (((a[bit >> 3] ^ b[bit >> 3]) >> (7 - (bit & 7))) & 1) return 0;
    }
    return 1;
}

/* ---- addresses */

EXPORT VOID WINAPI InitializeUnicastIpAddressEntry(MIB_UNICASTIPADDRESS_ROW *row)
{
    dbl_called("InitializeUnicastIpAddressEntry", "");
    memset(row, 0, sizeof *row);
    row->PrefixOrigin = IpPrefixOriginUnchanged;
    row->SuffixOrigin = IpSuffixOriginUnchanged;
    row->ValidLifetime = row->PreferredLifetime = 0xFFFFFFFF;
    row->OnLinkPrefixLength = 255;
}

static int find_address(const struct card *card, const SOCKADDR_INET *address)
{
    for (ULONG i = 0; i < address_count; i++) {
        if (addresses[i].InterfaceLuid.Value == card->luid && same_address(&addresses[i].Address, address)) return (int)i;
    }
    return -1;
}

EXPORT NTSTATUS WINAPI CreateUnicastIpAddressEntry(const MIB_UNICASTIPADDRESS_ROW *row)
{
    int code;
    dbl_called("CreateUnicastIpAddressEntry", "");
    if (dbl_rule("address", &code)) return code;
    ADDRESS_FAMILY family = row->Address.si_family;
    struct card *card = find_card(&row->InterfaceLuid, row->InterfaceIndex);
    if (card == NULL || !is_bound(card, family)) return ERROR_NOT_FOUND;
    if (row->OnLinkPrefixLength > address_bytes(family) * 8) return ERROR_INVALID_PARAMETER;
    if (row->ValidLifetime < row->PreferredLifetime) return ERROR_INVALID_PARAMETER;
    if (row->Address.Ipv4.sin_port != 0) dbl_violation("CreateUnicastIpAddressEntry: a port");
    if (row->DadState != IpDadStatePreferred) dbl_violation("CreateUnicastIpAddressEntry: waits for detection of duplicates");
    for (ULONG i = 0; i < address_count; i++) {
        if (same_address(&addresses[i].Address, &row->Address)) return ERROR_OBJECT_ALREADY_EXISTS;
    }
    if (address_count == ADDRESSES) return ERROR_NOT_ENOUGH_MEMORY;
    addresses[address_count] = *row;
    addresses[address_count].InterfaceLuid.Value = card->luid;
    addresses[address_count++].InterfaceIndex = card->index;
    return NO_ERROR;
}

EXPORT NTSTATUS WINAPI DeleteUnicastIpAddressEntry(const MIB_UNICASTIPADDRESS_ROW *row)
{
    dbl_called("DeleteUnicastIpAddressEntry", "");
    struct card *card = find_card(&row->InterfaceLuid, row->InterfaceIndex);
    int at = card == NULL ? -1 : find_address(card, &row->Address);
    if (at < 0) return ERROR_NOT_FOUND;
    addresses[at] = addresses[--address_count];
    return NO_ERROR;
}

static void *table_of(const void *rows, ULONG count, size_t size)
{
    BYTE *table = calloc(1, 8 + count * size);
    memcpy(table, &count, sizeof count);
    memcpy(table + 8, rows, count * size);
    InterlockedIncrement(&dbl_live_count);
    return table;
}

EXPORT VOID WINAPI FreeMibTable(void *table)
{
    dbl_called("FreeMibTable", "");
    if (table == NULL) return;
    InterlockedDecrement(&dbl_live_count);
    free(table);
}

EXPORT NTSTATUS WINAPI GetUnicastIpAddressTable(ADDRESS_FAMILY family, MIB_UNICASTIPADDRESS_TABLE **table)
{
    dbl_called("GetUnicastIpAddressTable", "");
    look();
    MIB_UNICASTIPADDRESS_ROW *rows = calloc(address_count + 1, sizeof *rows);
    ULONG count = 0;
    for (ULONG i = 0; i < address_count; i++) {
        if (family == AF_UNSPEC || addresses[i].Address.si_family == family) rows[count++] = addresses[i];
    }
    *table = table_of(rows, count, sizeof *rows);
    free(rows);
    return NO_ERROR;
}

/* ---- routes */

EXPORT VOID WINAPI InitializeIpForwardEntry(MIB_IPFORWARD_ROW2 *row)
{
    dbl_called("InitializeIpForwardEntry", "");
    memset(row, 0, sizeof *row);
    row->ValidLifetime = row->PreferredLifetime = 0xFFFFFFFF;
    row->Loopback = row->AutoconfigureAddress = row->Publish = row->Immortal = TRUE;
    row->SitePrefixLength = 255;
    row->Metric = 0xFFFFFFFF;
    row->Protocol = (NL_ROUTE_PROTOCOL)0xFFFFFFFF;
}

static int find_route(const struct card *card, const MIB_IPFORWARD_ROW2 *row)
{
    for (ULONG i = 0; i < route_count; i++) {
        if (routes[i].InterfaceLuid.Value == card->luid &&
            routes[i].DestinationPrefix.PrefixLength == row->DestinationPrefix.PrefixLength &&
            same_address(&routes[i].DestinationPrefix.Prefix, &row->DestinationPrefix.Prefix) &&
            same_address(&routes[i].NextHop, &row->NextHop)) return (int)i;
    }
    return -1;
}

EXPORT NTSTATUS WINAPI CreateIpForwardEntry2(const MIB_IPFORWARD_ROW2 *row)
{
    int code;
    dbl_called("CreateIpForwardEntry2", "");
    if (dbl_rule("route", &code)) return code;
    const IP_ADDRESS_PREFIX *prefix = &row->DestinationPrefix;
    ADDRESS_FAMILY family = prefix->Prefix.si_family;
    struct card *card = find_card(&row->InterfaceLuid, row->InterfaceIndex);
    if (card == NULL || !is_bound(card, family)) return ERROR_NOT_FOUND;
    if (prefix->PrefixLength > address_bytes(family) * 8 || row->NextHop.si_family != family) return ERROR_INVALID_PARAMETER;
    if (row->Metric == 0xFFFFFFFF) return ERROR_INVALID_PARAMETER;
    for (int bit = prefix->PrefixLength; bit < address_bytes(family) * 8; bit++) {
        if ((bytes_of(&prefix->Prefix)[bit >> 3] >> (7 - (bit & 7))) & 1) return ERROR_INVALID_PARAMETER;
    }
    if (row->ValidLifetime != 0xFFFFFFFF) dbl_violation("CreateIpForwardEntry2: a route that ends");
    if (find_route(card, row) >= 0) return ERROR_OBJECT_ALREADY_EXISTS;
    if (route_count == ROUTES) return ERROR_NOT_ENOUGH_MEMORY;
    routes[route_count] = *row;
    routes[route_count].InterfaceLuid.Value = card->luid;
    routes[route_count++].InterfaceIndex = card->index;
    return NO_ERROR;
}

EXPORT NTSTATUS WINAPI DeleteIpForwardEntry2(const MIB_IPFORWARD_ROW2 *row)
{
    int code;
    dbl_called("DeleteIpForwardEntry2", "");
    if (dbl_rule("delete-route", &code)) return code;
    struct card *card = find_card(&row->InterfaceLuid, row->InterfaceIndex);
    int at = card == NULL ? -1 : find_route(card, row);
    if (at < 0) return ERROR_NOT_FOUND;
    routes[at] = routes[--route_count];
    return NO_ERROR;
}

EXPORT NTSTATUS WINAPI GetIpForwardTable2(ADDRESS_FAMILY family, MIB_IPFORWARD_TABLE2 **table)
{
    dbl_called("GetIpForwardTable2", "");
    look();
    MIB_IPFORWARD_ROW2 *rows = calloc(route_count + 1, sizeof *rows);
    ULONG count = 0;
    for (ULONG i = 0; i < route_count; i++) {
        if (family == AF_UNSPEC || routes[i].DestinationPrefix.Prefix.si_family == family) rows[count++] = routes[i];
    }
    *table = table_of(rows, count, sizeof *rows);
    free(rows);
    return NO_ERROR;
}

EXPORT NTSTATUS WINAPI GetBestRoute2(NET_LUID *luid, NET_IFINDEX index, const SOCKADDR_INET *source,
                                  const SOCKADDR_INET *destination, ULONG sort, MIB_IPFORWARD_ROW2 *best,
                                  SOCKADDR_INET *best_source)
{
    dbl_called("GetBestRoute2", "");
    (void)luid, (void)index, (void)source, (void)sort;
    look();
    const MIB_IPFORWARD_ROW2 *found = NULL;
    uint64_t least = 0;
    for (ULONG i = 0; i < route_count; i++) {
        const MIB_IPFORWARD_ROW2 *row = &routes[i];
        struct card *card = find_card(&row->InterfaceLuid, 0);
        if (card == NULL || !card->up || !matches(destination, &row->DestinationPrefix)) continue;
        uint64_t metric = (uint64_t)row->Metric + card->settings[family_index(destination->si_family)].metric;
        int longer = found == NULL ? 1 : row->DestinationPrefix.PrefixLength - found->DestinationPrefix.PrefixLength;
        if (longer < 0 || (longer == 0 && metric >= least)) continue;
        found = row;
        least = metric;
    }
    if (found == NULL) return ERROR_NETWORK_UNREACHABLE;
    *best = *found;
    memset(best_source, 0, sizeof *best_source);
    best_source->si_family = destination->si_family;
    return NO_ERROR;
}

/* ---- interfaces */

EXPORT VOID WINAPI InitializeIpInterfaceEntry(MIB_IPINTERFACE_ROW *row)
{
    dbl_called("InitializeIpInterfaceEntry", "");
    memset(row, 0xFF, sizeof *row);
    row->Family = AF_UNSPEC;
    row->InterfaceLuid.Value = 0;
    row->InterfaceIndex = 0;
}

EXPORT NTSTATUS WINAPI GetIpInterfaceEntry(MIB_IPINTERFACE_ROW *row)
{
    dbl_called("GetIpInterfaceEntry", "");
    struct card *card = find_card(&row->InterfaceLuid, row->InterfaceIndex);
    ADDRESS_FAMILY family = row->Family;
    if (family != AF_INET && family != AF_INET6) return ERROR_INVALID_PARAMETER;
    if (card == NULL || !is_bound(card, family)) return ERROR_NOT_FOUND;
    const struct settings *settings = &card->settings[family_index(family)];
    memset(row, 0, sizeof *row);
    row->Family = family;
    row->InterfaceLuid.Value = card->luid;
    row->InterfaceIndex = card->index;
    row->NlMtu = settings->mtu;
    row->Metric = settings->metric;
    row->UseAutomaticMetric = settings->automatic;
    row->ManagedAddressConfigurationSupported = settings->managed;
    row->OtherStatefulConfigurationSupported = settings->other;
    row->DadTransmits = settings->dad;
    row->RouterDiscoveryBehavior = (NL_ROUTER_DISCOVERY_BEHAVIOR)settings->router_discovery;
    row->Connected = (BOOLEAN)card->up;
    /* As Windows does, which then refuses it. */
    row->SitePrefixLength = family == AF_INET ? 64 : 255;
    return NO_ERROR;
}

EXPORT NTSTATUS WINAPI SetIpInterfaceEntry(MIB_IPINTERFACE_ROW *row)
{
    int code;
    dbl_called("SetIpInterfaceEntry", "");
    if (dbl_rule("interface", &code)) return code;
    struct card *card = find_card(&row->InterfaceLuid, row->InterfaceIndex);
    ADDRESS_FAMILY family = row->Family;
    if (card == NULL || !is_bound(card, family)) return ERROR_NOT_FOUND;
    if (row->SitePrefixLength > (family == AF_INET ? 32u : 128u)) return ERROR_INVALID_PARAMETER;
    if (row->NlMtu < (family == AF_INET ? 576u : 1280u) || row->NlMtu > card->mtu) return ERROR_INVALID_PARAMETER;
    if (card->index < 20) dbl_violation("SetIpInterfaceEntry: interface %u is not ours", card->index);
    struct settings settings = {
        row->NlMtu, row->Metric, row->UseAutomaticMetric, row->ManagedAddressConfigurationSupported,
        row->OtherStatefulConfigurationSupported, row->DadTransmits, (int)row->RouterDiscoveryBehavior,
    };
    card->settings[family_index(family)] = settings;
    return NO_ERROR;
}

EXPORT NTSTATUS WINAPI GetIfEntry2(MIB_IF_ROW2 *row)
{
    dbl_called("GetIfEntry2", "");
    struct card *card = find_card(&row->InterfaceLuid, row->InterfaceIndex);
    if (card == NULL) return ERROR_FILE_NOT_FOUND;
    memset(row, 0, sizeof *row);
    row->InterfaceLuid.Value = card->luid;
    row->InterfaceIndex = card->index;
    row->InterfaceGuid = card->guid;
    wcscpy(row->Alias, card->alias);
    row->Mtu = card->mtu;
    row->Type = card->type;
    row->OperStatus = card->up ? IfOperStatusUp : IfOperStatusDown;
    return NO_ERROR;
}

EXPORT NTSTATUS WINAPI ConvertInterfaceLuidToIndex(const NET_LUID *luid, NET_IFINDEX *index)
{
    struct card *card = find_card(luid, 0);
    if (card == NULL) return ERROR_FILE_NOT_FOUND;
    *index = card->index;
    return NO_ERROR;
}

EXPORT NTSTATUS WINAPI ConvertInterfaceIndexToLuid(NET_IFINDEX index, NET_LUID *luid)
{
    struct card *card = find_card(NULL, index);
    if (card == NULL) return ERROR_FILE_NOT_FOUND;
    luid->Value = card->luid;
    return NO_ERROR;
}

EXPORT NTSTATUS WINAPI ConvertInterfaceLuidToGuid(const NET_LUID *luid, GUID *guid)
{
    struct card *card = find_card(luid, 0);
    if (card == NULL) return ERROR_FILE_NOT_FOUND;
    *guid = card->guid;
    return NO_ERROR;
}

EXPORT NTSTATUS WINAPI ConvertInterfaceLuidToAlias(const NET_LUID *luid, wchar_t *alias, SIZE_T length)
{
    struct card *card = find_card(luid, 0);
    if (card == NULL) return ERROR_FILE_NOT_FOUND;
    if (wcslen(card->alias) >= length) return ERROR_NOT_ENOUGH_MEMORY;
    wcscpy(alias, card->alias);
    return NO_ERROR;
}

EXPORT NTSTATUS WINAPI ConvertInterfaceAliasToLuid(const wchar_t *alias, NET_LUID *luid)
{
    look();
    for (int i = 0; i < CARDS + DBL_ADAPTERS; i++) {
        struct card *card = each_card(i);
        if (card == NULL || _wcsicmp(card->alias, alias) != 0) continue;
        luid->Value = card->luid;
        return NO_ERROR;
    }
    return ERROR_INVALID_NAME;
}

/* ---- DNS; mingw has no declaration of it */

typedef struct {
    ULONG Version;
    ULONG64 Flags;
    PWSTR Domain, NameServer, SearchList;
    ULONG RegistrationEnabled, RegisterAdapterName, EnableLLMNR, QueryAdapterName;
    PWSTR ProfileNameServer;
} dns_settings;

EXPORT NTSTATUS WINAPI SetInterfaceDnsSettings(GUID guid, const dns_settings *settings)
{
    int code;
    dbl_called("SetInterfaceDnsSettings", "");
    if (dbl_rule("dns", &code)) return code;
    look();
    struct card *card = NULL;
    for (int i = 0; i < DBL_ADAPTERS; i++) {
        if (tunnels[i].luid != 0 && memcmp(&tunnels[i].guid, &guid, sizeof guid) == 0) card = &tunnels[i];
    }
    if (card == NULL) {
        dbl_violation("SetInterfaceDnsSettings: no adapter has the GUID %08lx-…", guid.Data1);
        return ERROR_FILE_NOT_FOUND;
    }
    if (settings->Version != 1) return ERROR_INVALID_PARAMETER;
    if (settings->Flags & ~7ull || (settings->Flags & 6) != 6) dbl_violation("DNS flags %llx", settings->Flags);
    int f = (settings->Flags & 1) != 0;
    snprintf(card->dns[f], sizeof card->dns[f], "%ls", settings->NameServer);
    snprintf(card->search[f], sizeof card->search[f], "%ls", settings->SearchList);
    if (card->dns[f][0] != 0 && (strchr(card->dns[f], ':') != NULL) != f) dbl_violation("DNS servers of the other family");
    return NO_ERROR;
}

/* ---- for the test */

/* "servers|domains" of an adapter. */
EXPORT void DblDns(uint32_t index, uint32_t is_ipv6, char *buffer, uint32_t size)
{
    struct card *card = find_card(NULL, index);
    if (card == NULL) snprintf(buffer, size, "gone");
    else snprintf(buffer, size, "%s|%s", card->dns[is_ipv6], card->search[is_ipv6]);
}

/* Routes that were still there when their adapter went. */
EXPORT uint32_t DblOrphanedRoutes(void)
{
    look();
    return orphaned_routes;
}

EXPORT void DblForgive(void) { orphaned_routes = 0; }

static MIB_IPFORWARD_ROW2 default_route(const struct card *card, ADDRESS_FAMILY family, ULONG metric)
{
    MIB_IPFORWARD_ROW2 row;
    InitializeIpForwardEntry(&row);
    row.InterfaceLuid.Value = card->luid;
    row.InterfaceIndex = card->index;
    row.DestinationPrefix.Prefix.si_family = row.NextHop.si_family = family;
    row.Metric = metric;
    BYTE *hop = (BYTE *)bytes_of(&row.NextHop);
    if (family == AF_INET) hop[0] = 192, hop[1] = 168, hop[2] = (BYTE)card->index, hop[3] = 1;
    else hop[0] = 0xFE, hop[1] = 0x80, hop[15] = (BYTE)card->index;
    return row;
}

/* Gives a card a default route of this metric; takes it away when that is 2^32-1. */
EXPORT void DblDefaultRoute(uint32_t index, uint32_t is_ipv6, uint32_t metric)
{
    struct card *card = find_card(NULL, index);
    MIB_IPFORWARD_ROW2 row = default_route(card, is_ipv6 ? AF_INET6 : AF_INET, metric);
    int at = find_route(card, &row);
    if (at >= 0) routes[at] = routes[--route_count];
    if (metric != 0xFFFFFFFF) routes[route_count++] = row;
}

EXPORT void DblCard(uint32_t index, uint32_t up, uint32_t mtu)
{
    struct card *card = find_card(NULL, index);
    card->up = (int)up;
    card->mtu = mtu;
}

/* An address that a tunnel left behind which is down now. */
EXPORT void DblStaleAddress(uint32_t index, uint32_t address)
{
    MIB_UNICASTIPADDRESS_ROW *row = &addresses[address_count++];
    InitializeUnicastIpAddressEntry(row);
    row->Address.Ipv4.sin_family = AF_INET;
    row->Address.Ipv4.sin_addr.s_addr = address;
    row->OnLinkPrefixLength = 24;
    row->InterfaceIndex = index;
    row->InterfaceLuid.Value = find_card(NULL, index)->luid;
}

BOOL WINAPI DllMain(HINSTANCE module, DWORD reason, LPVOID reserved)
{
    (void)module, (void)reserved;
    if (reason != DLL_PROCESS_ATTACH) return TRUE;
    dbl_load();
    for (int i = 0; i < CARDS; i++) {
        for (int f = 0; f < FAMILIES; f++) cards[i].settings[f] = fresh_settings(cards[i].mtu, 25);
    }
    routes[route_count++] = default_route(&cards[1], AF_INET, 0);
    routes[route_count++] = default_route(&cards[1], AF_INET6, 0);
    return TRUE;
}
