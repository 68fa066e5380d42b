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
#include "records.h"

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
        sizeof(WIREGUARD_INTERFACE), offsetof(WIREGUARD_INTERFACE, publicKey), offsetof(WIREGUARD_INTERFACE, peersCount),
        sizeof(WIREGUARD_PEER), offsetof(WIREGUARD_PEER, persistentKeepalive), offsetof(WIREGUARD_PEER, endpoint), offsetof(WIREGUARD_PEER, txBytes),
        offsetof(WIREGUARD_PEER, allowedIpsCount),
        sizeof(WIREGUARD_ALLOWED_IP), offsetof(WIREGUARD_ALLOWED_IP, cidr), offsetof(WIREGUARD_ALLOWED_IP, flags),
    },
};
