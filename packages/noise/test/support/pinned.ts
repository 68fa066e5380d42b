/** A handshake of fixed secrets and what must come of it. */
import { bytesOf } from './bytes.js'

export const ALICE: Uint8Array = bytesOf(32, 0x11)
export const BOB: Uint8Array = bytesOf(32, 0x22)
export const PRESHARED: Uint8Array = bytesOf(32, 0x33)
export const ALICE_EPHEMERAL: Uint8Array = bytesOf(32, 0x44)
export const BOB_EPHEMERAL: Uint8Array = bytesOf(32, 0x55)
export const ALICE_INDEX = 0x01020304
export const BOB_INDEX = 0xa1a2a3a4
export const UNIX_TIME_MS = 1_700_000_000_123

/** Computed by whitepaper.ts and not by the code under test. */
export const PINNED = {
  initiation:
    '0100000004030201ff2ee45601ec1b67310c7790404585ae697331eee1c1f8cf2419731c1fff3e6b3b6f1324884f7dfcb616f1440bce015ad114bc97a5052c5972a42150ca66244ee95bf0cd2c60d3d9addef329768c8c110ed41251d4d6d7792d1ea8319c569acab11c3aa84fade47a3f02a25bfc2c36109ec88de0555fcdd3f4dfd45300000000000000000000000000000000',
  response:
    '02000000a4a3a2a10403020138ab664bd86f77d7e66bdd9ae0792913a94fd8b33a1260027e4b46c1f4884c67292a1136ba65b9e50dd4c36a2b43059b4a342cfa860b864c13cdcd816f1ea3f500000000000000000000000000000000',
  initiatorKey: '2177a14cf336f1f30ee0a4797cf26797017dae77cbea489248bc3298bea5f869',
  responderKey: 'a3109f7f0c20e0ee4b829f8bc301eb1235feb3b04ddfb7f34a5189e65a2ea192',
}
