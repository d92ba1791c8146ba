"""`python -m bench.mcp_cluster N`: a small API server with N Workflows, for the MCP server to be measured against.

Ten Workflows an application, ten applications a namespace. It proves one caller's token and lets him run everything.
"""

from __future__ import annotations

import asyncio
import sys

from tests.integration.mcp.reviewing_server import reviewing

AGENT = "system:serviceaccount:shop-0:agent"
INPUTS = {
    "type": "object",
    "required": ["customer_id"],
    "properties": {
        "customer_id": {"type": "string", "pattern": "^CUST-[0-9]+$", "description": "Customer number"},
        "order_total": {"type": "number", "minimum": 0},
        "items": {"type": "array", "items": {"type": "object", "properties": {"sku": {"type": "string"}}}},
    },
}
SPEC = {
    "description": "Process a customer order with payment validation, inventory check and e-mail confirmation.",
    "inputs": INPUTS,
    "steps": [{"name": "charge", "script": {"runtime": "bash", "source": "true"}}],
}


async def main(count: int) -> None:
    """Serve until standard input ends; the first line of standard output is the address."""
    async with reviewing() as api:
        api.users["agent"] = AGENT
        for number in range(count):
            namespace, application = f"shop-{number // 100}", f"app-{number // 10 % 10}"
            labels = {"app.kubernetes.io/part-of": application}
            metadata = {"name": f"order-{number}", "namespace": namespace, "labels": labels}
            api.put("workflows", {"metadata": metadata, "spec": SPEC})
            api.grants.add((AGENT, namespace))
        print(api.url, flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
