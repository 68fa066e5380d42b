/** Generic netlink (linux/genetlink.h): families with a name, whose numbers the kernel gives out. */
import { MessageWriter, readAttributes, readU16 } from './message.js'
import type { NetlinkSocket } from './socket.js'

const GENL_ID_CTRL = 16
const CTRL_CMD_GETFAMILY = 3
const CTRL_ATTR_FAMILY_ID = 1
const CTRL_ATTR_FAMILY_NAME = 2
/** cmd, version, two reserved bytes. */
export const GENERIC_HEADER_BYTES = 4

/** Starts a message of a family. */
export function genericMessage(family: number, command: number, version: number, flags: number = 0): MessageWriter {
  return new MessageWriter(family, flags).raw(Uint8Array.of(command, version, 0, 0))
}

/** The number of a family. Throws a `NetlinkError` with ENOENT when the kernel does not have it. */
export function resolveFamily(socket: NetlinkSocket, name: string): number {
  const message = genericMessage(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1).string(CTRL_ATTR_FAMILY_NAME, name)
  const answer = socket.get(message.finish(), `finding the generic netlink family "${name}"`)
  return readU16(readAttributes(answer.subarray(GENERIC_HEADER_BYTES)).get(CTRL_ATTR_FAMILY_ID)!)
}
