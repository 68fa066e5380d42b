"""Answers of Python's hashlib and hmac, independent of every engine here. See README.md for the command."""
import hashlib
import hmac
import sys


def pattern(length, first=0):
    return bytes((first + 7 * i) & 255 for i in range(length))


def hmac_blake2s(key, message):
    return hmac.new(key, message, hashlib.blake2s).digest()


def kdf(key, message):
    t0 = hmac_blake2s(key, message)
    t1 = hmac_blake2s(t0, b'\x01')
    t2 = hmac_blake2s(t0, t1 + b'\x02')
    t3 = hmac_blake2s(t0, t2 + b'\x03')
    return t1, t2, t3


def fold(answers):
    folded = bytes(len(answers[0]))
    for answer in answers:
        folded = bytes(a ^ b for a, b in zip(folded, answer))
    return folded.hex()


if '--folded' in sys.argv:
    print('hash', fold([hashlib.blake2s(pattern(n)).digest() for n in [0, 1, 63, 64, 65, 129]]))
    macs = [(n, pattern(32 if n < 64 else 16, 100)) for n in [0, 1, 63, 64, 65, 116]]
    print('mac', fold([hashlib.blake2s(pattern(n), key=key, digest_size=16).digest() for n, key in macs]))
    hmacs = [(n, pattern(32 if n < 33 else 65, 100)) for n in [0, 1, 32, 33]]
    print('hmac', fold([hmac_blake2s(key, pattern(n)) for n, key in hmacs]))
    sys.exit()

LENGTHS = [0, 1, 31, 32, 33, 63, 64, 65, 116, 127, 128, 129, 148, 255, 1024]

print('/** Written by make-blake2s.py: see README.md. Messages and keys are `pattern(length, first)` of suites/bytes.ts. */')
print('export const hashes: readonly [length: number, answer: string][] = [')
for length in LENGTHS:
    print(f"  [{length}, '{hashlib.blake2s(pattern(length)).hexdigest()}'],")
print(']\n')
print('/** Keys are pattern(keyLength, 100). */')
print('export const macs: readonly [keyLength: number, length: number, answer: string][] = [')
for key_length in [16, 24, 32]:
    for length in LENGTHS:
        answer = hashlib.blake2s(pattern(length), key=pattern(key_length, 100), digest_size=16).hexdigest()
        print(f"  [{key_length}, {length}, '{answer}'],")
print(']\n')
print('export const hmacs: readonly [keyLength: number, length: number, answer: string][] = [')
for key_length in [0, 1, 32, 63, 64, 65, 128]:
    for length in [0, 1, 32, 64, 129]:
        print(f"  [{key_length}, {length}, '{hmac_blake2s(pattern(key_length, 100), pattern(length)).hex()}'],")
print(']\n')
print('/** HKDF: key is pattern(32, 100), as a chaining key; the message is a Diffie-Hellman result, a key or nothing. */')
print('export const kdfs: readonly [length: number, t1: string, t2: string, t3: string][] = [')
for length in [0, 1, 32, 64, 65]:
    answers = ', '.join(f"'{t.hex()}'" for t in kdf(pattern(32, 100), pattern(length)))
    print(f"  [{length}, {answers}],")
print(']')
