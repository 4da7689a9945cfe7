"""The MCP server: the tools in the official SDK, which only this module imports.

1. Calls run in one thread, one after another: they read files, and the loop must answer pings.
2. Each session in the results of `find` and `read` has a link to its diff, which is a resource.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import Any, Final

import anyio
from mcp import MCPError
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp_types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ListToolsResult,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    ReadResourceResult,
    ResourceLink,
    ResourceTemplate,
    TextContent,
    TextResourceContents,
    Tool,
    ToolAnnotations,
)

from pipelines.cli.mcp import tools
from pipelines.cli.mcp.parameters import schema_of
from pipelines.workspace.location import Workspace

_NAME: Final = "session-codec"
_TYPE: Final = "text/x-diff"

_Context = ServerRequestContext[Any]


def server_of(locate: Callable[[], Workspace]) -> Server[Any]:
    """Return the server of a workspace.

    Args:
        locate: finds the workspace; called for each request, so that a workspace that is created
            later is found.
    """
    alone = anyio.CapacityLimiter(1)

    async def list_tools(_: _Context, __: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=[_tool(name, tool) for name, tool in tools.TOOLS.items()])

    async def call_tool(_: _Context, params: CallToolRequestParams) -> CallToolResult:
        given = params.arguments or {}
        reply = await anyio.to_thread.run_sync(
            tools.call, params.name, given, locate, limiter=alone
        )
        links = [
            ResourceLink(name=link.name, uri=link.uri, mime_type=_TYPE, size=link.size)
            for link in reply.links
        ]
        text = TextContent(text=reply.text)
        return CallToolResult(content=[text, *links], is_error=reply.is_error)

    async def list_resources(_: _Context, __: PaginatedRequestParams | None) -> ListResourcesResult:
        return ListResourcesResult(resources=[])  # they are too many: see the template

    async def list_templates(
        _: _Context, __: PaginatedRequestParams | None
    ) -> ListResourceTemplatesResult:
        template = ResourceTemplate(name="diff", uri_template=tools.TEMPLATE, mime_type=_TYPE)
        return ListResourceTemplatesResult(resource_templates=[template])

    async def read_resource(_: _Context, params: ReadResourceRequestParams) -> ReadResourceResult:
        uri = str(params.uri)
        reply = await anyio.to_thread.run_sync(tools.read_resource, uri, locate, limiter=alone)
        if reply.is_error:
            raise MCPError(INVALID_PARAMS, reply.text)
        contents = TextResourceContents(uri=uri, mime_type=_TYPE, text=reply.text)
        return ReadResourceResult(contents=[contents])

    return Server(
        _NAME,
        version=version(_NAME),
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_resources=list_resources,
        on_list_resource_templates=list_templates,
        on_read_resource=read_resource,
    )


def serve(locate: Callable[[], Workspace]) -> None:
    """Serve a workspace on stdin and stdout until stdin ends."""

    async def run() -> None:
        server = server_of(locate)
        async with stdio_server() as (incoming, outgoing):
            await server.run(incoming, outgoing, server.create_initialization_options())

    anyio.run(run)


def _tool(name: str, tool: tools.Tool) -> Tool:
    return Tool(
        name=name,
        description=tool.description,
        input_schema=schema_of(tool.parameters),
        annotations=ToolAnnotations(read_only_hint=True),
    )
