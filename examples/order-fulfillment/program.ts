/** How this program names itself to others, who write it down: to the payment provider, and in shop.shipments. */
export const PROGRAM = `Node/${process.versions.node}`;
