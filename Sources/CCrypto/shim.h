#ifndef FERRY_CCRYPTO_SHIM_H
#define FERRY_CCRYPTO_SHIM_H

// A running hash is a plain structure here, which is copied by copying its bytes and takes no memory of its own. OpenSSL calls
// these functions outdated, for its newer ones can be had from modules; those allocate for each hash and look their code up by
// name, and obey a configuration that may name no SHA-256 at all.
#define OPENSSL_SUPPRESS_DEPRECATED

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>

#endif
