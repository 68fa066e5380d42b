/*
 * Layouts on x86, where nothing of ours runs: numbers behind a mark, to be read from the file. In the order of
 * host-net/test/windows/layouts.test.ts.
 */
#define _WIN32_WINNT 0x0A00
#include <winsock2.h>
#include <ws2ipdef.h>
#include <windows.h>
#include <netioapi.h>
#include <stddef.h>
#include <stdint.h>

/* wireguard.h of WireGuardNT, in our words. */
typedef struct __attribute__((aligned(8))) { uint8_t address[16]; uint16_t family; uint8_t cidr; uint32_t flags; } allowed_ip;
typedef struct __attribute__((aligned(8))) {
    uint32_t flags, reserved;
    uint8_t public_key[32], preshared_key[32];
    uint16_t keepalive;
    SOCKADDR_INET endpoint;
    uint64_t tx, rx, handshake;
    uint32_t count;
} peer;
typedef struct __attribute__((aligned(8))) {
    uint32_t flags;
    uint16_t port;
    uint8_t private_key[32], public_key[32];
    uint32_t count;
} interface_record;

__declspec(dllexport) const struct { char mark[16]; uint32_t values[64]; } LayoutsX86 = {
    "WIREWEAVE-X86-1",
    {
        sizeof(void *),
        sizeof(SOCKADDR_INET), offsetof(SOCKADDR_INET, Ipv6.sin6_addr), offsetof(SOCKADDR_INET, Ipv6.sin6_scope_id),
        sizeof(MIB_UNICASTIPADDRESS_ROW), offsetof(MIB_UNICASTIPADDRESS_ROW, InterfaceLuid),
        offsetof(MIB_UNICASTIPADDRESS_ROW, OnLinkPrefixLength), offsetof(MIB_UNICASTIPADDRESS_ROW, DadState),
        sizeof(MIB_IPFORWARD_ROW2), offsetof(MIB_IPFORWARD_ROW2, DestinationPrefix.PrefixLength),
        offsetof(MIB_IPFORWARD_ROW2, NextHop), offsetof(MIB_IPFORWARD_ROW2, Metric),
        sizeof(MIB_IPINTERFACE_ROW), offsetof(MIB_IPINTERFACE_ROW, InterfaceLuid),
        offsetof(MIB_IPINTERFACE_ROW, SitePrefixLength), offsetof(MIB_IPINTERFACE_ROW, NlMtu),
        sizeof(MIB_IF_ROW2), offsetof(MIB_IF_ROW2, Mtu), offsetof(MIB_IF_ROW2, OperStatus),
        sizeof(interface_record), offsetof(interface_record, public_key), offsetof(interface_record, count),
        sizeof(peer), offsetof(peer, keepalive), offsetof(peer, endpoint), offsetof(peer, tx), offsetof(peer, count),
        sizeof(allowed_ip), offsetof(allowed_ip, cidr), offsetof(allowed_ip, flags),
    },
};
