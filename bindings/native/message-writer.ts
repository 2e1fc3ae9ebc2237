// Makes the messages that go to a program. The writer is kept, for it keeps the memory that it has grown to: one that begins
// anew grows from 128 bytes to three times the message each time, which cost more than all the rest of sending it.
import { BinaryWriter } from '@bufbuild/protobuf/wire';

/** What a writer has grown to for one message above this is not kept for those that follow. */
const KEPT_UP_TO = 1024 * 1024;

/** As generated code has it. */
interface Form<Message> {
  encode(message: Message, writer: BinaryWriter): BinaryWriter;
}

export class MessageWriter {
  #writer = new BinaryWriter();

  bytesOf<Message>(form: Form<Message>, message: Message): Uint8Array {
    const writer = this.#writer;
    this.#writer = new BinaryWriter(); // what is left of a message that could not be made is not written on
    const bytes = form.encode(message, writer).finish();
    if (bytes.length <= KEPT_UP_TO) this.#writer = writer;
    return bytes;
  }
}
