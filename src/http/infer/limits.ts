/** What a client hears whose body is longer than `--http-max-input-size`, in Triton's words. */
import { StatusError } from "../../errors.ts";

export function jsonTooLong(byteLength: number, maxBytes: number): StatusError {
  return new StatusError(
    "INVALID_ARGUMENT",
    `request JSON size of ${byteLength} bytes exceeds the maximum allowed input size of ${maxBytes} bytes. Use --http-max-input-size to increase the limit.`,
  );
}

export function rawTooLong(byteLength: number, maxBytes: number): StatusError {
  return new StatusError(
    "INVALID_ARGUMENT",
    `Raw input has a byte_size (${byteLength} bytes) that exceeds the maximum allowed value of ${maxBytes} bytes. Use --http-max-input-size to increase the limit.`,
  );
}
