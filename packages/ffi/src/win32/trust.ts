/** Who signed a file, and does Windows trust the signature? */
import { trustStatus } from '../internal/revocation.js'
import { NativeMemory, writePointer, addressOf } from '../memory.js'
import { guid } from './guid.js'
import { WINTRUST_DATA, WINTRUST_FILE_INFO } from './layout.js'
import { systemDll } from './system.js'
import { fromWide, wide } from './wide.js'

/** The simple display name of whoever signed a file, or why it is not trusted. */
export type Signature =
  | { readonly trusted: true; readonly signer: string }
  | { readonly trusted: false; readonly reason: string }

const wintrust = systemDll('wintrust.dll', {
  verify: ['WinVerifyTrust', 'int32_t', ['int64_t', 'void *', 'void *']],
})

const crypt32 = systemDll('crypt32.dll', {
  query: [
    'CryptQueryObject',
    'int32_t',
    [
      ...(['uint32_t', 'void *', 'uint32_t', 'uint32_t', 'uint32_t', 'void *', 'void *'] as const),
      ...(['void *', 'void *', 'void *', 'void *'] as const),
    ],
  ],
  messageParam: ['CryptMsgGetParam', 'int32_t', ['uintptr_t', 'uint32_t', 'uint32_t', 'void *', 'void *']],
  findCertificate: ['CertGetSubjectCertificateFromStore', 'uintptr_t', ['uintptr_t', 'uint32_t', 'void *']],
  certificateName: [
    'CertGetNameStringW',
    'uint32_t',
    ['uintptr_t', 'uint32_t', 'uint32_t', 'uintptr_t', 'void *', 'uint32_t'],
  ],
  freeCertificate: ['CertFreeCertificateContext', 'int32_t', ['uintptr_t']],
  closeStore: ['CertCloseStore', 'int32_t', ['uintptr_t', 'uint32_t']],
  closeMessage: ['CryptMsgClose', 'int32_t', ['uintptr_t']],
})

/** A file, by the rules of Authenticode. */
const GENERIC_VERIFY_V2 = guid('00AAC56B-CD44-11D0-8CC2-00C04FC295EE')
const NO_WINDOW = -1
const WTD_UI_NONE = 2
const WTD_CHOICE_FILE = 1
const WTD_STATEACTION_VERIFY = 1
const WTD_STATEACTION_CLOSE = 2
/** Certificate lists come from the cache: a tunnel that is to be set up may be the only way to fetch them. */
const WTD_CACHE_ONLY_URL_RETRIEVAL = 0x1000

const REASONS: Readonly<Record<number, string>> = {
  [0x800b0100]: 'it is not signed',
  [0x80096010]: 'it was changed after it was signed',
  [0x800b0109]: 'its signature comes from an authority that this machine does not trust',
  [0x800b0101]: 'its certificate has expired',
  [0x800b010c]: 'its certificate was revoked',
}

/** `file` is an open handle of `path` that lets nobody write, so that what was checked is what is used. */
export function checkSignature(path: string, file: number): Signature {
  const name = wide(path)
  const info = new NativeMemory(WINTRUST_FILE_INFO.size)
  info.view.setUint32(WINTRUST_FILE_INFO.cbStruct, WINTRUST_FILE_INFO.size, true)
  writePointer(info.view, WINTRUST_FILE_INFO.pcwszFilePath, addressOf(name))
  writePointer(info.view, WINTRUST_FILE_INFO.hFile, file)
  const data = new NativeMemory(WINTRUST_DATA.size)
  data.view.setUint32(WINTRUST_DATA.cbStruct, WINTRUST_DATA.size, true)
  data.view.setUint32(WINTRUST_DATA.dwUIChoice, WTD_UI_NONE, true)
  data.view.setUint32(WINTRUST_DATA.dwUnionChoice, WTD_CHOICE_FILE, true)
  writePointer(data.view, WINTRUST_DATA.pFile, info.address)
  data.view.setUint32(WINTRUST_DATA.dwProvFlags, WTD_CACHE_ONLY_URL_RETRIEVAL, true)

  const status = trustStatus((revocation) => verify(data, revocation))
  if (status !== 0) {
    return {
      trusted: false,
      reason: REASONS[status] ?? `Windows does not trust its signature (0x${status.toString(16)})`,
    }
  }
  const signer = signerOf(name)
  return signer === null ? { trusted: false, reason: 'its signer cannot be read' } : { trusted: true, signer }
}

function verify({ view, bytes }: NativeMemory, revocation: number): number {
  view.setUint32(WINTRUST_DATA.fdwRevocationChecks, revocation, true)
  view.setUint32(WINTRUST_DATA.dwStateAction, WTD_STATEACTION_VERIFY, true)
  const status = wintrust.call.verify(NO_WINDOW, GENERIC_VERIFY_V2, bytes) >>> 0
  view.setUint32(WINTRUST_DATA.dwStateAction, WTD_STATEACTION_CLOSE, true)
  wintrust.call.verify(NO_WINDOW, GENERIC_VERIFY_V2, bytes)
  return status
}

const CERT_QUERY_OBJECT_FILE = 1
const CERT_QUERY_CONTENT_FLAG_PKCS7_SIGNED_EMBED = 0x400
const CERT_QUERY_FORMAT_FLAG_BINARY = 2
const CMSG_SIGNER_CERT_INFO_PARAM = 7
const X509_AND_PKCS7 = 0x10001
const CERT_NAME_SIMPLE_DISPLAY_TYPE = 4
const MAX_NAME_UNITS = 256

function signerOf(path: Uint8Array): string | null {
  const handles = new NativeMemory(16)
  const { query, closeStore, closeMessage } = crypt32.call
  const [content, format] = [CERT_QUERY_CONTENT_FLAG_PKCS7_SIGNED_EMBED, CERT_QUERY_FORMAT_FLAG_BINARY]
  const [store, message] = [handles.bytes.subarray(0, 8), handles.bytes.subarray(8)]
  if (query(CERT_QUERY_OBJECT_FILE, path, content, format, 0, null, null, null, store, message, null) === 0) return null
  const [storeHandle, messageHandle] = [pointerAt(handles.view, 0), pointerAt(handles.view, 8)]
  try {
    return signerName(storeHandle, messageHandle)
  } finally {
    closeMessage(messageHandle)
    closeStore(storeHandle, 0)
  }
}

function signerName(store: number, message: number): string | null {
  const { messageParam, findCertificate, certificateName, freeCertificate } = crypt32.call
  const length = new Uint8Array(4)
  if (messageParam(message, CMSG_SIGNER_CERT_INFO_PARAM, 0, null, length) === 0) return null
  const info = new NativeMemory(new DataView(length.buffer).getUint32(0, true))
  if (messageParam(message, CMSG_SIGNER_CERT_INFO_PARAM, 0, info.bytes, length) === 0) return null
  const certificate = findCertificate(store, X509_AND_PKCS7, info.bytes)
  if (certificate === 0) return null
  const name = new Uint8Array(MAX_NAME_UNITS * 2)
  certificateName(certificate, CERT_NAME_SIMPLE_DISPLAY_TYPE, 0, 0, name, MAX_NAME_UNITS)
  freeCertificate(certificate)
  return fromWide(name)
}

function pointerAt(view: DataView, offset: number): number {
  return Number(view.getBigUint64(offset, true))
}
