/* What a C compiler says about the structs that we write by hand: name, size, then fields and offsets, as JSON. */
#define _WIN32_WINNT 0x0A00
#include <winsock2.h>
#include <ws2ipdef.h>
#include <windows.h>
#include <netioapi.h>
#include <mswsock.h>
#include <stddef.h>
#include <stdio.h>
#include "records.h"

#define BEGIN(type) at += sprintf(text + at, "%s\"" #type "\":{\"size\":%zu", at == 1 ? "" : ",", sizeof(type))
#define FIELD(type, name) at += sprintf(text + at, ",\"" #name "\":%zu", offsetof(type, name))
#define END at += sprintf(text + at, "}")

/* mingw-w64 does not declare this one: netioapi.h of the Windows SDK, version 1. */
typedef struct {
    ULONG Version;
    ULONG64 Flags;
    PWSTR Domain, NameServer, SearchList;
    ULONG RegistrationEnabled, RegisterAdapterName, EnableLLMNR, QueryAdapterName;
    PWSTR ProfileNameServer;
} DNS_INTERFACE_SETTINGS_V1;

__declspec(dllexport) const char *Layouts(void)
{
    static char text[8192] = "{";
    size_t at = 1;
    BEGIN(SOCKADDR_INET); FIELD(SOCKADDR_INET, si_family); FIELD(SOCKADDR_INET, Ipv4.sin_port);
    FIELD(SOCKADDR_INET, Ipv4.sin_addr); FIELD(SOCKADDR_INET, Ipv6.sin6_flowinfo); FIELD(SOCKADDR_INET, Ipv6.sin6_addr);
    FIELD(SOCKADDR_INET, Ipv6.sin6_scope_id); END;
    BEGIN(MIB_UNICASTIPADDRESS_ROW); FIELD(MIB_UNICASTIPADDRESS_ROW, Address);
    FIELD(MIB_UNICASTIPADDRESS_ROW, InterfaceLuid); FIELD(MIB_UNICASTIPADDRESS_ROW, InterfaceIndex);
    FIELD(MIB_UNICASTIPADDRESS_ROW, PrefixOrigin); FIELD(MIB_UNICASTIPADDRESS_ROW, SuffixOrigin);
    FIELD(MIB_UNICASTIPADDRESS_ROW, ValidLifetime); FIELD(MIB_UNICASTIPADDRESS_ROW, PreferredLifetime);
    FIELD(MIB_UNICASTIPADDRESS_ROW, OnLinkPrefixLength); FIELD(MIB_UNICASTIPADDRESS_ROW, SkipAsSource);
    FIELD(MIB_UNICASTIPADDRESS_ROW, DadState); FIELD(MIB_UNICASTIPADDRESS_ROW, ScopeId); END;
    BEGIN(MIB_IPFORWARD_ROW2); FIELD(MIB_IPFORWARD_ROW2, InterfaceLuid); FIELD(MIB_IPFORWARD_ROW2, InterfaceIndex);
    FIELD(MIB_IPFORWARD_ROW2, DestinationPrefix.Prefix); FIELD(MIB_IPFORWARD_ROW2, DestinationPrefix.PrefixLength);
    FIELD(MIB_IPFORWARD_ROW2, NextHop); FIELD(MIB_IPFORWARD_ROW2, SitePrefixLength);
    FIELD(MIB_IPFORWARD_ROW2, ValidLifetime); FIELD(MIB_IPFORWARD_ROW2, PreferredLifetime);
    FIELD(MIB_IPFORWARD_ROW2, Metric); FIELD(MIB_IPFORWARD_ROW2, Protocol); FIELD(MIB_IPFORWARD_ROW2, Loopback);
    FIELD(MIB_IPFORWARD_ROW2, Immortal); FIELD(MIB_IPFORWARD_ROW2, Origin); END;
    BEGIN(MIB_IPINTERFACE_ROW); FIELD(MIB_IPINTERFACE_ROW, Family); FIELD(MIB_IPINTERFACE_ROW, InterfaceLuid);
    FIELD(MIB_IPINTERFACE_ROW, InterfaceIndex); FIELD(MIB_IPINTERFACE_ROW, ForwardingEnabled);
    FIELD(MIB_IPINTERFACE_ROW, WeakHostSend); FIELD(MIB_IPINTERFACE_ROW, UseAutomaticMetric);
    FIELD(MIB_IPINTERFACE_ROW, ManagedAddressConfigurationSupported);
    FIELD(MIB_IPINTERFACE_ROW, OtherStatefulConfigurationSupported);
    FIELD(MIB_IPINTERFACE_ROW, RouterDiscoveryBehavior); FIELD(MIB_IPINTERFACE_ROW, DadTransmits);
    FIELD(MIB_IPINTERFACE_ROW, SitePrefixLength); FIELD(MIB_IPINTERFACE_ROW, Metric);
    FIELD(MIB_IPINTERFACE_ROW, NlMtu); FIELD(MIB_IPINTERFACE_ROW, Connected); END;
    BEGIN(MIB_IF_ROW2); FIELD(MIB_IF_ROW2, InterfaceLuid); FIELD(MIB_IF_ROW2, InterfaceIndex);
    FIELD(MIB_IF_ROW2, InterfaceGuid); FIELD(MIB_IF_ROW2, Alias); FIELD(MIB_IF_ROW2, Mtu);
    FIELD(MIB_IF_ROW2, Type); FIELD(MIB_IF_ROW2, OperStatus); END;
    BEGIN(DNS_INTERFACE_SETTINGS_V1); FIELD(DNS_INTERFACE_SETTINGS_V1, Version);
    FIELD(DNS_INTERFACE_SETTINGS_V1, Flags); FIELD(DNS_INTERFACE_SETTINGS_V1, NameServer);
    FIELD(DNS_INTERFACE_SETTINGS_V1, SearchList); END;
    BEGIN(WSAMSG); FIELD(WSAMSG, name); FIELD(WSAMSG, namelen); FIELD(WSAMSG, lpBuffers); FIELD(WSAMSG, dwBufferCount);
    FIELD(WSAMSG, Control.len); FIELD(WSAMSG, Control.buf); FIELD(WSAMSG, dwFlags); END;
    BEGIN(WSABUF); FIELD(WSABUF, len); FIELD(WSABUF, buf); END;
    BEGIN(WSACMSGHDR); FIELD(WSACMSGHDR, cmsg_len); FIELD(WSACMSGHDR, cmsg_level); FIELD(WSACMSGHDR, cmsg_type); END;
    BEGIN(WIN32_FIND_DATAW); FIELD(WIN32_FIND_DATAW, cFileName); FIELD(WIN32_FIND_DATAW, cAlternateFileName); END;
    BEGIN(WIREGUARD_INTERFACE); FIELD(WIREGUARD_INTERFACE, flags); FIELD(WIREGUARD_INTERFACE, listenPort); FIELD(WIREGUARD_INTERFACE, privateKey);
    FIELD(WIREGUARD_INTERFACE, publicKey); FIELD(WIREGUARD_INTERFACE, peersCount); END;
    BEGIN(WIREGUARD_PEER); FIELD(WIREGUARD_PEER, flags); FIELD(WIREGUARD_PEER, reserved); FIELD(WIREGUARD_PEER, publicKey); FIELD(WIREGUARD_PEER, presharedKey);
    FIELD(WIREGUARD_PEER, persistentKeepalive); FIELD(WIREGUARD_PEER, endpoint); FIELD(WIREGUARD_PEER, txBytes); FIELD(WIREGUARD_PEER, rxBytes);
    FIELD(WIREGUARD_PEER, lastHandshake); FIELD(WIREGUARD_PEER, allowedIpsCount); END;
    BEGIN(WIREGUARD_ALLOWED_IP); FIELD(WIREGUARD_ALLOWED_IP, address); FIELD(WIREGUARD_ALLOWED_IP, addressFamily); FIELD(WIREGUARD_ALLOWED_IP, cidr);
    FIELD(WIREGUARD_ALLOWED_IP, flags); END;
    sprintf(text + at, "}");
    return text;
}
