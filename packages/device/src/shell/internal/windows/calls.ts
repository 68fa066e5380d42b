/** The calls of ws2_32.dll that a bind makes. Addresses are plain numbers. */
import { lastError } from '@wireweave/ffi/errno'
import { NativeMemory } from '@wireweave/ffi/memory'
import { EventReadiness } from '@wireweave/ffi/win32/event-readiness'
import { functionAt, systemDll } from '@wireweave/ffi/win32/system'
import { closeHandle, createEvent, resetEvent } from '@wireweave/ffi/win32/wait'
import {
  FD_READ,
  IPPROTO_UDP,
  SIO_GET_EXTENSION_FUNCTION_POINTER,
  SOCK_DGRAM,
  WSA_FLAG_NO_HANDLE_INHERIT,
  WSA_FLAG_OVERLAPPED,
  WSAID_WSARECVMSG,
} from '@wireweave/ffi/win32/winsock'

export type ReceiveMessage = (
  socket: number,
  message: number,
  received: number,
  overlapped: number,
  routine: number,
) => number

/** A test puts its own in between, to be a Windows that has all, or refuses. */
export interface WinsockCalls {
  /** A UDP socket; negative when there is none. */
  socket(domain: number): number
  bind(socket: number, name: number, length: number): number
  getsockname(socket: number, name: number, length: number): number
  setsockopt(socket: number, level: number, option: number, value: number, length: number): number
  getsockopt(socket: number, level: number, option: number, value: number, length: number): number
  /** Sets a switch of WSAIoctl, of 4 bytes. */
  control(socket: number, code: number, value: number): number
  recvfrom(socket: number, bytes: number, length: number, flags: number, name: number, nameLength: number): number
  sendto(socket: number, bytes: number, length: number, flags: number, name: number, nameLength: number): number
  /** WSASendMsg. */
  sendMessage(socket: number, message: number, flags: number, sent: number, overlapped: number, routine: number): number
  /** WSARecvMsg, which Windows gives for a socket; `null` where it does not. */
  receiveMessageOf(socket: number): ReceiveMessage | null
  close(socket: number): number
  /** Of the last call. */
  lastError(): number
  openEvent(): SocketEvent
}

/** Tells when any of some sockets has something to read. */
export interface SocketEvent {
  /** Makes the socket one that never blocks, too. False when Windows refuses. */
  watch(socket: number): boolean
  /** Forgets what was to read. A call that receives sets it again when there is more. */
  reset(): void
  /** One wait at a time. May resolve for nothing. */
  wait(): Promise<void>
  /** Rejects a wait. */
  close(reason: Error): Promise<void>
}

/** Node has called WSAStartup. Throws when the DLL cannot be reached: koffi's native part is missing. */
export function winsockCalls(): WinsockCalls {
  const { call } = systemDll('ws2_32.dll', {
    socket: ['WSASocketW', 'int64_t', ['int', 'int', 'int', 'uintptr_t', 'uint32_t', 'uint32_t']],
    bind: ['bind', 'int', ['uintptr_t', 'uintptr_t', 'int']],
    getsockname: ['getsockname', 'int', ['uintptr_t', 'uintptr_t', 'uintptr_t']],
    setsockopt: ['setsockopt', 'int', ['uintptr_t', 'int', 'int', 'uintptr_t', 'int']],
    getsockopt: ['getsockopt', 'int', ['uintptr_t', 'int', 'int', 'uintptr_t', 'uintptr_t']],
    ioctl: [
      'WSAIoctl',
      'int',
      [
        'uintptr_t',
        'uint32_t',
        'uintptr_t',
        'uint32_t',
        'uintptr_t',
        'uint32_t',
        'uintptr_t',
        'uintptr_t',
        'uintptr_t',
      ],
    ],
    recvfrom: ['recvfrom', 'int', ['uintptr_t', 'uintptr_t', 'int', 'int', 'uintptr_t', 'uintptr_t']],
    sendto: ['sendto', 'int', ['uintptr_t', 'uintptr_t', 'int', 'int', 'uintptr_t', 'int']],
    sendMessage: ['WSASendMsg', 'int', ['uintptr_t', 'uintptr_t', 'uint32_t', 'uintptr_t', 'uintptr_t', 'uintptr_t']],
    close: ['closesocket', 'int', ['uintptr_t']],
    eventSelect: ['WSAEventSelect', 'int', ['uintptr_t', 'uintptr_t', 'int32_t']],
  })
  const scratch = new NativeMemory(40)
  const flags = WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT
  return {
    socket: (domain) => Number(call.socket(domain, SOCK_DGRAM, IPPROTO_UDP, 0, 0, flags)),
    bind: call.bind,
    getsockname: call.getsockname,
    setsockopt: call.setsockopt,
    getsockopt: call.getsockopt,
    control(socket, code, value) {
      scratch.view.setUint32(0, value, true)
      return call.ioctl(socket, code, scratch.address, 4, 0, 0, scratch.address + 32, 0, 0)
    },
    recvfrom: call.recvfrom,
    sendto: call.sendto,
    sendMessage: call.sendMessage,
    receiveMessageOf(socket) {
      const { address, bytes, view } = scratch
      bytes.set(WSAID_WSARECVMSG)
      const code = SIO_GET_EXTENSION_FUNCTION_POINTER
      if (call.ioctl(socket, code, address, 16, address + 16, 8, address + 32, 0, 0) !== 0) return null
      const at = view.getUint32(16, true) + view.getUint32(20, true) * 0x1_0000_0000
      return functionAt(at, ['WSARecvMsg', 'int', ['uintptr_t', 'uintptr_t', 'uintptr_t', 'uintptr_t', 'uintptr_t']])
    },
    close: call.close,
    lastError,
    openEvent: () => openEvent((socket, event) => call.eventSelect(socket, event, FD_READ) === 0),
  }
}

function openEvent(select: (socket: number, event: number) => boolean): SocketEvent {
  const event = createEvent('by itself')
  const readiness = new EventReadiness(event)
  let closing: Promise<void> | null = null
  return {
    watch: (socket) => select(socket, event),
    reset: () => resetEvent(event),
    wait: () => readiness.wait(),
    close: (reason) => (closing ??= readiness.close(reason).then(() => closeHandle(event))),
  }
}
