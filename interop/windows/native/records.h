/* Records of wireguard.dll, as its header has them, in our words. */
#include <winsock2.h>
#include <ws2ipdef.h>
#include <stdint.h>

typedef struct __attribute__((aligned(8))) {
    uint8_t address[16];
    uint16_t addressFamily;
    uint8_t cidr;
    uint32_t flags;
} WIREGUARD_ALLOWED_IP;
typedef struct __attribute__((aligned(8))) {
    uint32_t flags, reserved;
    uint8_t publicKey[32], presharedKey[32];
    uint16_t persistentKeepalive;
    SOCKADDR_INET endpoint;
    uint64_t txBytes, rxBytes, lastHandshake;
    uint32_t allowedIpsCount;
} WIREGUARD_PEER;
typedef struct __attribute__((aligned(8))) {
    uint32_t flags;
    uint16_t listenPort;
    uint8_t privateKey[32], publicKey[32];
    uint32_t peersCount;
} WIREGUARD_INTERFACE;
